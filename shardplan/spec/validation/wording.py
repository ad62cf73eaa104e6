"""What pydantic found, in our own words: what is wrong, and what to do about it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import BaseModel

from shardplan.spec.validation.other_place import other_place
from shardplan.spec.validation.other_words import other_word, unplanned_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shardplan.spec.text.place import Path

_LONGEST_VALUE = 60
_MOST_NAMES = 12
_MOST_COMPARED = 2_000
"""Known words that a misspelt one is compared with."""
_ADD = "add one, or leave the key out"


class Wording(NamedTuple):
    """A message, a hint (or nothing) and a code for machines."""

    message: str
    hint: str
    code: str


def describe(details: dict[str, Any], model: type[BaseModel]) -> Wording:
    """One error of pydantic in words; ``model`` is what was validated."""
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    if kind == "fault":
        return Wording(context["message"], context["hint"], context["code"])
    if kind == "extra_forbidden":
        *before, key = details["loc"]
        hint = _key_hint(str(key), keys_at(model, tuple(before)), model)
        return Wording(f"unknown key {show(str(key))}", hint, "unknown_key")
    if kind == "missing":
        return _missing(details["loc"][-1])
    if kind in ("enum", "literal_error"):
        return _choice(choices(details), value)
    if kind == "too_short":
        return Wording(f"needs {context['min_length']} or more entries", _ADD, "range")
    if kind in _LIMITS:
        hint = _limit_hint(kind, context, value)
        return Wording(_LIMITS[kind](context) + got(value), hint, "range")
    if kind in _TYPES:
        return Wording(_TYPES[kind] + got(value), _type_hint(kind, value), "type")
    if kind in ("value_error", "assertion_error"):
        return Wording(str(context.get("error", details["msg"])), "", "invalid")
    message = str(details["msg"]).replace("Input should", "must").replace("valid ", "")
    return Wording(message[:1].lower() + message[1:] + got(value), "", "invalid")


def show(value: Any) -> str:
    """A value as it may stand in a message: printable, and not endless."""
    if isinstance(value, str) and len(value) > _LONGEST_VALUE:
        return repr(value[:_LONGEST_VALUE]) + "..."
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return f"{value:.15g}" if isinstance(value, float) else repr(value)


def got(value: Any) -> str:
    """ " (got ...)", to end a message with."""
    return f" (got {show(value)})"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or lists all when they are few."""
    names = list(known)
    if meant := other_word(word[:_LONGEST_VALUE], names[:_MOST_COMPARED]):
        return f"did you mean {meant!r}?"
    near = difflib.get_close_matches(word[:_LONGEST_VALUE], names[:_MOST_COMPARED], n=1)
    alike = [name for name in names if name.lower() == word.lower()]
    if alike or near:
        return f"did you mean {(alike or near)[0]!r}?"
    if not names:
        return "leave it out"
    listed = ", ".join(names[:_MOST_NAMES])
    return f"known: {listed}" + (", ..." if len(names) > _MOST_NAMES else "")


def _key_hint(key: str, known: list[str], model: type[BaseModel]) -> str:
    """What was meant by a key that is unknown where it stands."""
    elsewhere = "" if other_word(key, known) else other_place(model, key)
    return f"it stands elsewhere: {elsewhere}" if elsewhere else did_you_mean(key, known)


def keys_at(model: type[BaseModel], location: Path) -> list[str]:
    """The keys that a model allows at a location inside it."""
    models = [model]
    for part in location:
        if not isinstance(part, str):
            continue
        fields = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        named = [m for m in models if m.__name__ == part]  # the branch of a union
        models = [m for annotation in fields for m in _models_in(annotation)] or named or models
    return list(dict.fromkeys(key for m in models for key in _keys(m)))


def all_keys(model: type[BaseModel]) -> frozenset[str]:
    """The keys that a model and all models inside it have."""
    seen: list[type[BaseModel]] = [model]
    for each in seen:
        inner = (m for field in each.model_fields.values() for m in _models_in(field.annotation))
        seen += [m for m in dict.fromkeys(inner) if m not in seen]
    return frozenset(key for each in seen for key in _keys(each))


def _keys(model: type[BaseModel]) -> list[str]:
    """Keys as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation mentions: ``list[Table] | None`` mentions Table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


_TYPES = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "none_required": "must be left empty",
}

_LIMITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda c: f"must be more than {c['gt']:,}",
    "greater_than_equal": lambda c: f"must be at least {c['ge']:,}",
    "less_than": lambda c: f"must be less than {c['lt']:,}",
    "less_than_equal": lambda c: f"must be at most {c['le']:,}",
    "multiple_of": lambda c: f"must be a multiple of {c['multiple_of']}",
    "too_long": lambda c: f"must have at most {c['max_length']} entries",
    "string_too_short": lambda c: f"needs {c['min_length']} or more characters",
    "string_too_long": lambda c: f"must have at most {c['max_length']} characters",
}


_WITHIN_LIMITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda c: f"write a number above {c['gt']:,}",
    "greater_than_equal": lambda c: f"write {c['ge']:,} or more",
    "less_than": lambda c: f"write a number below {c['lt']:,}",
    "less_than_equal": lambda c: f"write {c['le']:,} or less",
    "too_long": lambda c: f"leave out what follows the first {c['max_length']}",
    "string_too_short": lambda c: "leave it out, or write something",
    "string_too_long": lambda c: "shorten it",
}


def _missing(part: str | int) -> Wording:
    if isinstance(part, int):
        return Wording(f"has only {part} of its entries", "add what is missing", "missing")
    return Wording("is missing", f"add {part!r} here", "missing")


def _limit_hint(kind: str, context: dict[str, Any], value: Any) -> str:
    if kind in _WITHIN_LIMITS:
        return _WITHIN_LIMITS[kind](context)
    factor = context.get("multiple_of")
    if not factor or not isinstance(value, int | float):
        return ""
    below = int(value // factor) * factor
    return f"did you mean {below or factor} or {below + factor}?"


def _type_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, int | float | bool):
        return "put it in quotes"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _BOOLS:
        return f"write {_BOOLS[value.lower()]}; YAML 1.2 reads {value} as text"
    if kind in ("list_type", "tuple_type") and isinstance(value, str | int | float):
        return f"put it in brackets: [{value}]" if len(str(value)) < _LONGEST_VALUE else ""
    return _EXAMPLES.get(_TYPES[kind], "")


_EXAMPLES = {
    "must be a whole number": "for example 8",
    "must be a number": "for example 0.5",
    "must be a finite number": "for example 0.5",
    "must be true or false": "write true or false",
    "must be text": "write some text, or leave the key out",
    "must be a list": "for example [first, second]",
    "must be a mapping of keys to values": "write its keys below it, or leave it out",
    "must be left empty": "leave it out",
}

_BOOLS = {"yes": "true", "on": "true", "no": "false", "off": "false",
          "true": "true", "false": "false"}  # fmt: skip


def choices(details: dict[str, Any]) -> list[str]:
    """The words that a value may be, of pydantic's "'a', 'b' or 'c'"."""
    expected = str(details["ctx"]["expected"])
    return [part.strip("' ") for part in expected.replace("' or '", "', '").split("', '")]


def _choice(names: list[str], value: Any) -> Wording:
    word = str(value)[:_LONGEST_VALUE]
    meant = other_word(word, names) or next(iter(difflib.get_close_matches(word, names, n=1)), "")
    hint = f"did you mean {meant!r}?" if meant else f"for example {names[0]}"
    hint = unplanned_hint(word, names) or hint
    one_of = "one of " if len(names) > 1 else ""
    return Wording(f"must be {one_of}{', '.join(names)}{got(value)}", hint, "choice")
