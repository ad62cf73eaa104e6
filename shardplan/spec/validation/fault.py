"""How a validator of a border model says what is wrong and what to do about it."""

from __future__ import annotations

from pydantic_core import PydanticCustomError


def fault(
    message: str, hint: str = "", code: str = "invalid", at: tuple[str | int, ...] = ()
) -> PydanticCustomError:
    """An error to raise inside a pydantic validator.

    ``at`` leads from the value being validated to the part at fault: a validator of a whole model
    can so point at one of its keys.
    """
    return PydanticCustomError(
        "fault", "{message}", {"message": message, "hint": hint, "code": code, "at": at}
    )
