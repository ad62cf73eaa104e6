"""A spec with values of a command line in place of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import is_path
from shardplan.spec.tables.table_spec import DefaultsSpec
from shardplan.spec.text.compose import FORBIDDEN, forbidden
from shardplan.spec.text.document import Document, read_document, source_line
from shardplan.spec.text.override import Override
from shardplan.spec.text.place import Place
from shardplan.spec.validation.listing import MOST_NAMED
from shardplan.spec.validation.validation import collecting
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.workload.labels import labels, qualified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.spec.text.place import Path

OPTION = "--set"
"""What messages call the file that the texts would be."""

_DEEPEST = 20
"""Keys of a path; no spec that is right goes deeper."""
_POSITION = re.compile(r"\[([0-9]{1,9})\]")
_END = re.compile(r"[.\[]")


def overridden(document: Document, settings: Sequence[str]) -> Document:
    """The document of a spec with the values of ``path=value`` texts, one after the other.

    A path is that of ``diff``: ``training.pipeline``, ``tables.t_1.rows`` or ``tables[0].rows``. A
    value is YAML. What the document does not have is added; null takes a default back. The texts
    are the lines of a file for the diagnostics of what they say.

    Raises InputError with the faults of all texts that cannot be read or that lead nowhere.
    """
    faults: list[Diagnostic] = []
    for line in range(1, len(settings) + 1):
        with collecting(faults):
            document = _Text(tuple(settings), line).put_into(document)
    if faults:
        raise InputError(faults)
    return document


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of several."""

    every: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        return self.every[self.line - 1]

    def put_into(self, document: Document) -> Document:
        """The document with the value at the path."""
        path, equals, value = self.text.partition("=")
        if not equals or not path.strip() or "\n" in self.text:
            raise self._fault(1, "is not path=value", "for example training.pipeline=none")
        if odd := FORBIDDEN.search(path):
            raise self._fault(odd.start() + 1, forbidden(odd[0]), "delete it")
        said = self._read(value, len(path) + 1)
        root = _referring(document.value) if path.startswith("topology.") else document.value
        steps, known = self._walk(root, path.rstrip())
        way: Path = tuple(part for part, _ in steps)
        override = Override(way, known, tuple(column for _, column in steps), self.line, said)
        changed = _put(root, way, said.value)
        return replace(document, value=changed, overrides=(*document.overrides, override))

    def _read(self, value: str, before: int) -> Document:
        """The value behind that many characters, at its place in the text."""
        blank = "\n" * (self.line - 1) + " " * before
        try:
            said = replace(read_document(blank + value, OPTION), lines=self.every)
        except InputError as error:
            raise InputError([self._inside(fault) for fault in error.diagnostics]) from None
        column = before + 1  # of nothing, which has no place of its own
        return said if said.place.line else replace(said, place=Place(*(self.line, column) * 2))

    def _walk(self, value: Any, path: str) -> tuple[list[tuple[str | int, int]], int]:
        """The parts of a path with their columns, and how many of them the value has."""
        steps: list[tuple[str | int, int]] = []
        known, position, home = 0, 0, _default_module(value)
        while position < len(path):
            part, end = self._step(value, path, position, home)
            steps.append((part, position + 1))
            if isinstance(part, int) or (isinstance(value, dict) and part in value):
                known += 1
                value = value[part]
            else:
                value = None
            position = end + 1 if path[end : end + 1] == "." else end
            if len(steps) > _DEEPEST:
                raise self._fault(1, "leads too deep", f"at most {_DEEPEST} keys")
        if path.endswith("."):
            raise self._fault(len(path), "a path must not end with a dot", "delete it")
        return steps, known

    def _step(self, value: Any, path: str, start: int, home: str) -> tuple[str | int, int]:
        """The key or the position that begins at ``start``, and where it ends.

        ``home`` is the module of tables that do not say.
        """
        column = start + 1
        if isinstance(value, list):
            return self._element(value, path, start, home)
        if value is not None and not isinstance(value, dict):
            before = path[:start].rstrip(".")
            message = f"{before} is {show(value)}, which has no keys"
            raise self._fault(column, message, f"set {before} itself")
        keys = value or {}
        end = _longest(keys, path, start)
        if end == start:
            found = _END.search(path, start)
            end = found.start() if found else len(path)
        if end == start:
            raise self._fault(column, "a key is missing here", "for example training.pipeline=none")
        return path[start:end], end

    def _element(self, value: list[Any], path: str, start: int, home: str) -> tuple[int, int]:
        if match := _POSITION.match(path, start):
            if int(match[1]) < len(value):
                return int(match[1]), match.end()
            raise self._fault(start + 1, f"there are only {len(value)} entries", "count from 0")
        named = _named(value, home)
        end = _longest(named, path, start)
        if end == start:
            part = path[start:].partition(".")[0]
            known = labels(_keys(value, home))
            hint = did_you_mean(part, known) if known else "for example [0] for the first"
            raise self._fault(start + 1, f"there is no entry {show(part)}", hint)
        name = path[start:end]
        if len(named[name]) > 1:
            every = dict.fromkeys(qualified(*_key(value[index], home)) for index in named[name])
            hint = f"write {', '.join([*every][:MOST_NAMED])}"
            message = f"{len(named[name])} entries are called {show(name)}"
            raise self._fault(start + 1, message, hint)
        return named[name][0], end

    def _inside(self, fault: Diagnostic) -> Diagnostic:
        """A fault of the value; what lacks an end is told at the end of the text."""
        is_behind = fault.line > self.line
        column = len(self.text) + 1 if is_behind else fault.column
        return replace(fault, line=self.line, column=column, source_line=self.text)

    def _fault(self, column: int, message: str, hint: str) -> InputError:
        path = self.text.partition("=")[0]
        source = source_line(self.every, self.line, column)
        fault = Diagnostic(OPTION, self.line, column, path, message, hint, source, code="setting")
        return InputError([fault])


def _default_module(spec: Any) -> str:
    """Of tables that do not say in which module they are."""
    defaults = spec.get("defaults") if isinstance(spec, dict) else None
    stated = defaults.get("module") if isinstance(defaults, dict) else None
    return str(DefaultsSpec().module if stated is None else stated)


def _named(value: list[Any], home: str) -> dict[str, list[int]]:
    """Positions of elements by what they are called: by name, and with their module's before it."""
    found: dict[str, list[int]] = {}
    named = [index for index, each in enumerate(value) if _has_name(each)]
    for index, (_, name) in zip(named, _keys(value, home), strict=True):
        found.setdefault(name, []).append(index)
    names = set(found)
    for index, key in zip(named, _keys(value, home), strict=True):
        if qualified(*key) not in names:
            found.setdefault(qualified(*key), []).append(index)
    return found


def _keys(value: list[Any], home: str) -> list[tuple[str, str]]:
    """(module, name) of all elements that have a name."""
    return [_key(each, home) for each in value if _has_name(each)]


def _key(element: dict[str, Any], home: str) -> tuple[str, str]:
    module = element.get("module")
    return home if module is None else str(module), str(element["name"])


def _has_name(element: Any) -> bool:
    return isinstance(element, dict) and "name" in element


def _longest(names: Any, path: str, start: int) -> int:
    """Where the longest of the names ends that a path has at ``start``; ``start`` for none."""
    ends = [start]
    for end in (*(m.start() for m in _END.finditer(path, start)), len(path)):
        if path[start:end] in names:
            ends.append(end)
    return ends[-1]


def _referring(value: Any) -> Any:
    """A spec with its topology as a mapping, so that its nodes can be set."""
    reference = value.get("topology") if isinstance(value, dict) else None
    if not isinstance(reference, str):
        return value
    return value | {"topology": {"path" if is_path(reference) else "name": reference}}


def _put(value: Any, path: Path, said: Any) -> Any:
    """A copy with another value at the path; the rest is shared."""
    if not path:
        return said
    part, inner = path[0], path[1:]
    if isinstance(part, int):
        return [*value[:part], _put(value[part], inner, said), *value[part + 1 :]]
    keys = value if isinstance(value, dict) else {}
    return keys | {part: _put(keys.get(part), inner, said)}
