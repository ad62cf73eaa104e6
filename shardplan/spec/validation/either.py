"""Values that may be a word or something else, such as ``auto`` or a number: one fault for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.spec.validation.wording import Wording, choices, describe, got

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel

    from shardplan.spec.text.place import Path

_OF_WORDS = ("literal_error", "enum")


def either(
    errors: Iterable[dict[str, Any]],
    path_of: Callable[[dict[str, Any]], Path],
    model: type[BaseModel],
) -> Iterator[dict[str, Any]]:
    """The errors of pydantic, which has one for each branch of a union, with those of one value in
    one: what it must be but for the words, and the words.

    What looks like one of the words is held to be meant as such.
    """
    at_path: dict[Path, list[dict[str, Any]]] = {}
    for each in errors:
        at_path.setdefault(path_of(each), []).append(each)
    for found in at_path.values():
        of_words = [each for each in found if each["type"] in _OF_WORDS]
        others = [each for each in found if each["type"] not in _OF_WORDS]
        if len(of_words) == 1 and others:
            yield _as_one(of_words[0], others[0], model)
            yield from others[1:]
        else:
            yield from found


def _as_one(
    of_word: dict[str, Any], other: dict[str, Any], model: type[BaseModel]
) -> dict[str, Any]:
    word, wording = describe(of_word, model), describe(other, model)
    ending = got(other.get("input"))
    must = wording.message.removesuffix(ending)
    message = f"{must}, or {' or '.join(choices(of_word))}"
    if must != wording.message:
        message += ending
    is_meant = word.hint.startswith("did you mean")
    merged = Wording(message, word.hint if is_meant else wording.hint, wording.code)
    context = other.get("ctx", {}) | merged._asdict()
    return other | {"type": "fault", "ctx": context}
