"""Every way to break a figure of a file, one at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import yaml

_COUNTS = {"nodes", "devices_per_node", "count", "ranks", "oversubscription"}
_MAY_BE_NOTHING = {"launch", "latency", "latency_per_node"}
"""Times that may be 0, as may all times per table, id, row and fetch."""


@dataclass(frozen=True)
class Broken:
    """A file's text with one thing wrong with it."""

    what: str
    line: int
    """Where the fault is, from 1."""
    text: str


def broken_figures(text):
    """Each figure of a YAML file negative, zero, missing, not a number, of the wrong unit."""
    for path, node in _scalars(yaml.compose(text), ()):
        if not _is_figure(path):
            continue
        for kind, written in _slips(path, node.value):
            yield Broken(f"{kind}: {_said(path)}", _line(node), _with(text, node, written))


def broken_keys(text):
    """Each key of a figure that tells its origin misspelt, and each origin unheard of."""
    for path, node in _scalars(yaml.compose(text), ()):
        if path[-1] in ("provenance", "source"):
            yield Broken(f"unheard of: {_said(path)}", _line(node), _with(text, node, "hearsay"))
            start = node.start_mark.index
            key = text.rindex(str(path[-1]), 0, start)
            misspelt = f"{text[:key]}{path[-1]}x{text[key + len(path[-1]) :]}"
            yield Broken(f"unknown key: {_said(path)}x", _line(node), misspelt)


def broken_curves(text):
    """Each curve falling, out of order, with half a point, and of an unknown collective."""
    for path, points in _nodes(yaml.compose(text), ()):
        if path and path[-1] == "points":
            yield from _broken_points(text, _said(path), points.value)
        if path and path[-1] == "collective":
            for name in ("alltoall", "broadcast"):
                broken = _with(text, points, name)
                yield Broken(f"unknown collective: {_said(path)}", _line(points), broken)


def without_keys(text):
    """The file without each of the keys at its top."""
    root = yaml.compose(text)
    for (key, _), following in pairwise([*root.value, (root.value[0][0], None)]):
        start, end = key.start_mark.index, following[0].start_mark.index
        yield key.value, text[:start] + (text[end:] if end > start else "")


def _broken_points(text, said, points):
    for before, after in pairwise(points):
        (low, fast), (high, slow) = before.value, after.value
        line = _line(slow)
        falls = f"0.0001{_unit(fast.value)}"
        yield Broken(f"falls: {said}", line, _with(text, slow, falls))
        yield Broken(f"out of order: {said}", line, _with(text, high, low.value))
    point = points[0]
    yield Broken(f"half a point: {said}", _line(point), _with(text, point, "[64KiB]"))
    more = _with(text, point, "[64KiB, 1ns, 2ns]")
    yield Broken(f"one and a half points: {said}", _line(point), more)
    only = text[: point.end_mark.index] + text[points[-1].end_mark.index :]
    yield Broken(f"one point: {said}", _line(point), only)


def _slips(path, value):
    if value in ("true", "false"):
        yield from (("a word", "plenty"), ("nothing", "~"), ("a number", "3"))
        return
    number, unit = _number(value), _unit(value)
    yield "not a number", ".nan"
    yield "a word", "plenty"
    if path[-1] != "excess":
        yield "nothing", "~"
    yield "wrong unit", f"{number}parsec"
    if float(number) > 0:
        yield "negative", f"-{value}"
    if unit:
        yield "no unit", number
    if not _may_be_zero(path, unit):
        yield "zero", f"0{unit}"


def _may_be_zero(path, unit):
    named = str(path[-2] if path[-1] == "value" else path[-1])
    is_time = unit in ("s", "ms", "us", "ns")
    return is_time and (named in _MAY_BE_NOTHING or named.startswith("per_"))


def _is_figure(path):
    if "points" in path:
        return path[-2] < 2  # the others of a curve are read in the same way
    return path[-1] in ("value", "excess") or path[-1] in _COUNTS


def _scalars(node, path):
    return [
        (at, each) for at, each in _nodes(node, path) if isinstance(each, yaml.ScalarNode) and at
    ]


def _nodes(node, path):
    yield path, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _nodes(value, (*path, index))


def _with(text, node, written):
    return text[: node.start_mark.index] + written + text[node.end_mark.index :]


def _line(node):
    return node.start_mark.line + 1


def _said(path):
    return ".".join(map(str, path))


def _number(value):
    return re.match(r"[\d._e+]*", value)[0]


def _unit(value):
    return value[len(_number(value)) :]
