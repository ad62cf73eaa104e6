"""YAML text to plain values with places, event by event, so that a hostile file costs little."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from shardplan.spec.text.place import NOWHERE, Path, Place
from shardplan.spec.text.scalars import GROUPED, Scalar, ScalarError, resolve

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 50
_DIGITS_OF_A_GROUP = 3
"""Of a number as people write it, between its commas."""
MOST_VALUES = 4_000_000
"""In one file."""
_MOST_FAULTS = 1_000
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Fault(NamedTuple):
    """What is wrong with the text, at a line and column from 1."""

    line: int
    column: int
    path: Path
    message: str
    hint: str
    code: str = "yaml"


@dataclass(slots=True)
class Composed:
    """What a text says; ``value`` counts only where there are no faults."""

    value: Any = None
    place: Place = NOWHERE
    faults: list[Fault] = field(default_factory=list)


class _Stop(Exception):
    """Reading on would only repeat the fault, or cost too much."""


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence whose end has not come yet."""

    value: Any
    children: Any
    key: str | None = None
    key_place: tuple[int, int] = (0, 0)
    takes_key: bool = False
    is_of_numbers: bool = False
    """Whether its first key is a number: all may be then, as text, and a model says whether it
    takes such a mapping."""


def compose(text: str) -> Composed:
    """Read one YAML document, with all the faults that can be found in it."""
    faults = [
        Fault(*_position(text, match.start()), (), forbidden(match[0]), "delete it", "encoding")
        for _, match in zip(range(10), FORBIDDEN.finditer(text), strict=False)
    ]
    if faults:
        return Composed(faults=faults)
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except _Stop:
        pass
    except yaml.YAMLError as error:
        composer.result.faults.append(_syntax_fault(error))
    return composer.result


class _Composer:
    """Builds values from events on an explicit stack: depth costs no recursion."""

    def __init__(self) -> None:
        self.result = Composed()
        self._stack: list[_Frame] = []
        self._known: dict[str, Scalar] = {}
        self._values = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Handle one event of the parser."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(event, _Frame({}, {}, takes_key=True))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(event, _Frame([], []))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._fault(event, "aliases (*) are not allowed", "write the value out")
            self._add(event, None, None)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._fault(event, "a second document begins here", "keep one document per file")
                raise _Stop

    def _scalar(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._check_properties(event)
        text: str = event.value
        # Styles: '' or None is plain; the quoted and the block styles are text.
        self._add(event, text if event.style else self._resolve(event, text), None)

    def _resolve(self, event: Any, text: str) -> Scalar:
        if text in self._known:
            return self._known[text]
        try:
            value = resolve(text)
        except ScalarError as error:
            self._fault(event, str(error), error.hint)
            return None if self._wants_value() else text
        if len(text) < 64 and len(self._known) < 100_000:
            self._known[text] = value
        return value

    def _wants_value(self) -> bool:
        return not self._stack or not self._stack[-1].takes_key

    def _open(self, event: Any, frame: _Frame) -> None:
        self._check_properties(event)
        self._add(event, frame.value, frame.children)
        self._stack.append(frame)
        if len(self._stack) > _DEEPEST:
            self._fault(event, f"is nested more than {_DEEPEST} levels deep", "flatten it")
            raise _Stop

    def _add(self, event: Any, value: Any, children: Any) -> None:
        """Put a value where it belongs: the root, a list, or a mapping as key or value."""
        self._values += 1
        if self._values > MOST_VALUES:
            self._fault(event, f"more than {MOST_VALUES:,} values", "use a tables_file")
            raise _Stop
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if not self._stack:
            self.result.value, self.result.place = (
                value,
                Place(line, column, line, column, children),
            )
            return
        frame = self._stack[-1]
        if frame.takes_key:
            frame.key, frame.key_place = self._key(event, value), (line, column)
            frame.takes_key = False
        elif isinstance(frame.value, list):
            frame.value.append(value)
            frame.children.append(Place(line, column, line, column, children))
        else:
            self._put(frame, value, Place(line, column, *frame.key_place, children))

    def _put(self, frame: _Frame, value: Any, place: Place) -> None:
        frame.takes_key = True
        if frame.key is not None:
            frame.value[frame.key] = value
            frame.children[frame.key] = place

    def _key(self, event: Any, value: Any) -> str | None:
        """A key that may be used; None for one that is refused."""
        frame = self._stack[-1]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and (frame.is_of_numbers or not frame.value):
            frame.is_of_numbers = True
            value = event.value
        if not isinstance(value, str):
            shown = getattr(event, "value", None)
            hint = f'write it in quotes: "{shown}"' if isinstance(shown, str) else ""
            if isinstance(value, int) and len(str(shown)) == _DIGITS_OF_A_GROUP:
                hint += f"; or is it part of a number? write {GROUPED}"
            self._fault(event, "a key must be text", hint)
            return None
        if value == "<<" and not event.style:
            self._fault(event, "merge keys (<<) are not allowed", "write the keys out")
            return None
        if value in frame.value:
            first = frame.children[value].key_line
            self._fault(
                event,
                f"the key {value[:40]!r} stands here twice",
                f"delete one of the two (the first is on line {first})",
                code="duplicate",
            )
            return None
        return value

    def _check_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._fault(event, "anchors (&) are not allowed", "write the value out")
        if event.tag is not None:
            self._fault(event, f"tags ({event.tag[:40]}) are not allowed", "delete the tag")

    def _fault(self, event: Any, message: str, hint: str, code: str = "yaml") -> None:
        mark = event.start_mark
        self.result.faults.append(
            Fault(mark.line + 1, mark.column + 1, self._path(), message, hint, code)
        )
        if len(self.result.faults) >= _MOST_FAULTS:
            raise _Stop

    def _path(self) -> Path:
        """The path of the value that comes next."""
        path: list[str | int] = []
        for frame in self._stack:
            on_top = frame is self._stack[-1]
            if isinstance(frame.value, list):
                path.append(len(frame.value) - (not on_top))
            elif frame.key is not None and not (on_top and frame.takes_key):
                path.append(frame.key)
        return tuple(path)


def _position(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def forbidden(character: str) -> str:
    """That a character may stand in no file; no terminal would show it."""
    return f"the character U+{ord(character):04X} is not allowed"


def _syntax_fault(error: yaml.YAMLError) -> Fault:
    """What the parser stumbled over."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    hint = ""
    if "cannot start any token" in problem:
        hint = "indent with spaces, and put text that begins with @, ` or % in quotes"
    elif "mapping values are not allowed" in problem:
        hint = "put text that contains ': ' in quotes, and check the indentation"
    elif "expected <block end>" in problem or "expected ',' or" in problem:
        hint = "check the indentation, and that every bracket is closed"
    elif "nesting depth" in problem:  # a limit of libyaml's own, from its version 0.2.6 on
        hint = "flatten it"
    return Fault(line, column, (), f"is not valid YAML: {problem}", hint, "syntax")
