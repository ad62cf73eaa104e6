"""What all models of written files have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Border(BaseModel):
    """A mapping that somebody wrote: no unknown keys, and fixed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Shorthand(Border):
    """A mapping in whose place the value of one of its keys alone may be written."""

    plain: ClassVar[str] = "value"
    """The key."""

    @model_validator(mode="before")
    @classmethod
    def _accept_plain(cls, value: Any) -> Any:
        return value if isinstance(value, dict | BaseModel) else {cls.plain: value}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(core_schema)
        properties = handler.resolve_ref_schema(described)["properties"]
        return {"anyOf": [properties[cls.plain], described]}


def _one_as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _any_as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple) else [value]


class _OneOrMany:
    """Tells the schema that a single element may stand for a list of one."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        many = handler(core_schema)
        return {"anyOf": [many["items"], many]}


ONE_AS_LIST = BeforeValidator(_one_as_list)
"""Lets ``x`` stand for ``[x]``."""
ANY_AS_LIST = BeforeValidator(_any_as_list)
"""The same of a number or a mapping too."""
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
