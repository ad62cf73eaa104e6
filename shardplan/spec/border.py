"""What all models of written files have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shardplan.spec.fault import fault


class Border(BaseModel):
    """A mapping that somebody wrote: no unknown keys, and fixed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def one_as_list(value: Any) -> Any:
    """Let ``x`` stand for ``[x]``."""
    return [value] if isinstance(value, str) else value


def _check_name(value: Any) -> Any:
    if isinstance(value, str) and (value != value.strip() or not value.isprintable()):
        raise fault("must not begin or end with a space or hold control characters")
    return value


Name = Annotated[str, BeforeValidator(_check_name), Field(min_length=1, max_length=200)]
"""What something is called: printable text of sane length."""
