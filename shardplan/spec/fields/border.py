"""What all models of written files have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Border(BaseModel):
    """A mapping that somebody wrote: no unknown keys, and fixed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _one_as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _OneOrMany:
    """Tells the schema that a single element may stand for a list of one."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        many = handler(core_schema)
        return {"anyOf": [many["items"], many]}


ONE_AS_LIST = BeforeValidator(_one_as_list)
"""Lets ``x`` stand for ``[x]``."""
ONE_OR_MANY = _OneOrMany()
"""The same for the schema; behind everything else of the field."""


def is_name(text: str) -> bool:
    """Whether people can read and write a text as the name of something."""
    return text != "" and text == text.strip() and text.isprintable()


def _check_name(value: Any) -> Any:
    if isinstance(value, str) and value and not is_name(value):
        raise fault("must not begin or end with a space or hold control characters")
    return value


Name = Annotated[str, BeforeValidator(_check_name), Field(min_length=1, max_length=200)]
"""What something is called: printable text of sane length."""
