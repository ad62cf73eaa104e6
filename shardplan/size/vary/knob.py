"""A resource and the values that it is tried with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING, Self

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.size.vary.resource import OPTION, Resource
from shardplan.units import UnitError

if TYPE_CHECKING:
    from shardplan.topology.machine import Machine

_RANGE, _PRICE = "..", "@"
_NUMBER = re.compile(r"[\d_.eE+-]*\d")
_MOST_VALUES = 64


@dataclass(frozen=True, slots=True)
class Knob:
    """What ``device.hbm.capacity=40..160GiB`` says."""

    resource: Resource
    values: tuple[float, ...]
    """From the scarcest to the most ample."""
    price: float | None = None
    """Money for each unit of it, such as a byte or a byte per second; None where none is said."""

    @classmethod
    def parse(cls, machine: Machine, text: str) -> Self:
        """A path and its values: some, ``1,2,4GB/s``, or a range, ``40..160GiB``, which is doubled
        from its first value on and ends with its last. A unit may stand behind the last alone.
        Behind an ``@`` stands what so much of it costs: ``@10/GiB``.

        Raises InputError.
        """
        path, equals, said = text.partition("=")
        said, at, priced = said.partition(_PRICE)
        if not equals or not said.strip():
            raise _fault(text, 1, "is not path=values", "for example nics.rate=100..800Gb/s")
        resource = Resource.named(machine, path.strip())
        column = len(path) + 2
        price = _price(text, resource, priced, column + len(said) + 1) if at else None
        parts = said.split(_RANGE) if _RANGE in said else said.split(",")
        unit = _NUMBER.sub("", parts[-1].strip(), count=1).strip()
        try:
            values = [resource.read(_with_unit(part.strip(), unit)) for part in parts]
        except UnitError as error:
            raise _fault(text, column, str(error), error.hint) from None
        if _RANGE in said:
            values = _doubled(text, column, values)
        if min(values) <= 0:
            raise _fault(text, column, "must be more than 0", "leave it out, or try it small")
        if len(values) > _MOST_VALUES:
            raise _fault(text, column, f"{len(values)} values", f"at most {_MOST_VALUES}")
        ordered = sorted(set(values), reverse=not resource.is_better_higher)
        return cls(resource, tuple(ordered), price)


def path_of(text: str) -> str:
    """The path in a text, whether or not any machine has it."""
    return text.partition("=")[0].strip()


def _price(text: str, resource: Resource, said: str, column: int) -> float:
    """Money for one unit, of ``10/GiB`` or ``25/2GB/s``."""
    money, slash, amount = said.strip().partition("/")
    hint = "money for so much of it: for example @10/GiB"
    try:
        cost = float(money)
        each = resource.read(amount if _NUMBER.match(amount) else f"1{amount}")
    except (ValueError, UnitError):
        raise _fault(text, column, f"cannot read the price {said.strip()!r}", hint) from None
    if not slash or not 0 < cost < float("inf") or each <= 0:
        raise _fault(text, column, f"{said.strip()!r} is no price", hint)
    return cost / each


def _with_unit(part: str, unit: str) -> str:
    return part + unit if _NUMBER.fullmatch(part) else part


def _doubled(text: str, column: int, ends: list[float]) -> list[float]:
    """The first end, its doubles below the last, and the last."""
    if len(ends) != 2 or not 0 < ends[0] <= ends[1]:
        hint = "the smaller value first: for example 40..160GiB"
        raise _fault(text, column, "is no range", hint)
    first, last = ends
    steps = ceil(log2(last / first) - 1e-9)
    return [*(first * 2**step for step in range(steps)), last]


def _fault(text: str, column: int, message: str, hint: str) -> InputError:
    path = text.partition("=")[0]
    return InputError([Diagnostic(OPTION, 1, column, path, message, hint, text, code="setting")])
