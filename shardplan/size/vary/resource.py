"""One figure of a machine that may be otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from shardplan import units
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.fields.figure import Figure, Provenance
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.topology.machine import Machine
from shardplan.topology.schema import Frequency, Part, Rate, Size, Time, TopologyFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.case import Case

OPTION = "--vary"
"""What messages call the text that a resource was named in."""
_OF_COST_MODEL = ("device.hbm.read", "device.hbm.write")
"""Rates that no phase is predicted from: a cost model has measured what comes of them."""


@dataclass(frozen=True, slots=True)
class _Dimension:
    """How quantities of one kind are read and written."""

    parse: Callable[[str], float]
    write: Callable[[float], str | float]
    short: Callable[[float], str]
    is_better_higher: bool = True


def _plain(text: str) -> float:
    try:
        return float(text.replace("_", ""))
    except ValueError:
        raise units.UnitError(f"{text!r} is no number", "for example 8") from None


def _whole_bytes(size: float) -> str:
    return units.exact_bytes(round(size))


_DIMENSIONS: dict[type[Any], _Dimension] = {
    Size: _Dimension(units.parse_bytes, _whole_bytes, units.format_bytes),
    Rate: _Dimension(units.parse_rate, units.exact_rate, units.format_rate),
    Time: _Dimension(units.parse_seconds, units.exact_seconds, units.format_seconds, False),
    Part: _Dimension(units.parse_fraction, lambda share: share, lambda share: f"{share:.0%}"),
    Frequency: _Dimension(_plain, lambda often: often, lambda often: f"{often:g}"),
    int: _Dimension(_plain, round, lambda count: f"{count:g}"),
}
"""By the class of a figure in ``TopologyFile``; counts of things are plain numbers."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A figure of a topology file, by its path."""

    path: str
    """Such as ``device.hbm.capacity``, ``nics.rate``, ``scale_up.bandwidth``."""
    dimension: _Dimension

    @classmethod
    def named(cls, machine: Machine, path: str) -> Self:
        """Of a machine that has such a figure.

        Raises InputError with what it has, and for figures that nothing is predicted from.
        """
        known = resources_of(machine)
        if path in known:
            return cls(path, _DIMENSIONS[known[path]])
        if path in _OF_COST_MODEL:
            name = machine.file.cost_model
            message = "no phase is predicted from this rate"
            hint = f"what lookups take is measured, by the cost model: give one in place of {name}"
        else:
            message = f"{machine.file.name} has no figure {show(path)}"
            hint = did_you_mean(path, known) or f"it has {', '.join(known)}"
        raise InputError([Diagnostic(OPTION, 1, 1, path, message, hint, path, code="choice")])

    @property
    def is_better_higher(self) -> bool:
        """Whether more of it is better: not of latencies."""
        return self.dimension.is_better_higher

    def read(self, text: str) -> float:
        """A quantity with its unit; raises UnitError."""
        return float(self.dimension.parse(text))

    def words(self, value: float) -> str:
        """A quantity as people write it."""
        return self.dimension.short(value)

    def of(self, machine: Machine) -> float:
        """What a machine has of it."""
        found: Any = machine.file
        for key in self.path.split("."):
            found = getattr(found, key)
        return float(found.value if isinstance(found, Figure) else found)

    def on(self, machine: Machine, value: float) -> Machine:
        """The same machine with so much of it, which is estimated then.

        Raises InputError where there can be no such machine.
        """
        keys = self.path.split(".")
        written = self.dimension.write(value)
        if self.dimension is not _DIMENSIONS[int]:
            figure = {"value": written, "provenance": Provenance.ESTIMATED.value}
            changed = _put(machine.value, keys, figure)
        else:
            changed = _put(machine.value, keys, written)
        name = f"{OPTION} {self.path}={self.words(value)}"
        file = validate(TopologyFile, Document(changed, name))
        return Machine.of(file, changed, machine.nodes).grouped(machine.grouping)

    def in_case(self, case: Case, value: float) -> Case:
        """The same workload on that machine."""
        return case.with_(machine=self.on(case.machine, value))


def resources_of(machine: Machine) -> dict[str, type[Any]]:
    """The path of every figure that a machine has and that something is predicted from, with its
    class."""
    found = dict(_figures(machine.file, ()))
    return {path: kind for path, kind in found.items() if path not in _OF_COST_MODEL}


def _figures(part: Any, path: tuple[str, ...]) -> Iterator[tuple[str, type[Any]]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        here = (*path, name)
        if type(value) in _DIMENSIONS and isinstance(value, Figure):
            yield ".".join(here), type(value)
        elif path == ("nics",) and name == "count":
            yield ".".join(here), int
        elif hasattr(type(value), "model_fields") and name != "curves":
            yield from _figures(value, here)


def _put(value: Any, keys: list[str], figure: Any) -> Any:
    """A copy with a figure at the path; the rest is shared."""
    if not keys:
        return figure
    return value | {keys[0]: _put(value.get(keys[0], {}), keys[1:], figure)}
