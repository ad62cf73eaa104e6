"""A choice that somebody would have made for one table: ``t_20=row_wise``, ``t_20@rank3``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.options.constraint import Constraint
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.matching import TableNameError, TableNames
from shardplan.spec.validation.wording import did_you_mean

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.topology.topology import Topology

_PLACE = re.compile(r"(rank|node)([0-9]{1,9})")
_FORMS = "write TABLE=SHARDING_TYPE, TABLE=KERNEL, TABLE@rankN or TABLE@nodeN"


class ChoiceError(ShardplanError):
    """The text names no table of the plan, or nothing that could be chosen for one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A demand on one table."""

    text: str
    table: int
    """Position in the workload's tables."""
    sharding: ShardingType | None = None
    kernel: Kernel | None = None
    ranks: tuple[int, ...] | None = None
    """All of the table lies on these."""

    @classmethod
    def parse(cls, text: str, case: Case) -> Choice:
        """Read a choice; raises ChoiceError."""
        name, sign, wanted = _split(text)
        try:
            table = TableNames(case.spec.table_keys).one(name)
        except TableNameError as error:
            raise ChoiceError(str(error)) from None
        if sign == "@":
            return cls(text, table, ranks=_ranks(wanted, case.topology))
        if sharding := SHARDING_TYPES.find(wanted):
            return cls(text, table, sharding=sharding)
        if kernel := KERNELS.find(wanted):
            return cls(text, table, kernel=kernel)
        hint = did_you_mean(wanted, [*map(str, SHARDING_TYPES), *map(str, KERNELS)])
        raise ChoiceError(f"{wanted!r} is neither a sharding type nor a kernel; {hint}")

    def is_made_by(self, decision: Decision) -> bool:
        """Whether a decision has it already, as far as sharding and kernel say."""
        if self.sharding is not None:
            return decision.sharding is self.sharding
        return self.kernel is not None and decision.kernel is self.kernel

    def forced_on(self, case: Case) -> Case:
        """The case with the choice as one more constraint."""
        constraint = Constraint(
            tables=(self.table,),
            sharding=None if self.sharding is None else (self.sharding,),
            kernels=None if self.kernel is None else (self.kernel,),
            ranks=self.ranks,
            label=self.text,
        )
        return case.demanding(constraint)


def _split(text: str) -> tuple[str, str, str]:
    """Name, sign, what is wanted; the last sign counts, since names may hold both."""
    position = max(text.rfind("="), text.rfind("@"))
    if position <= 0 or position == len(text) - 1:
        raise ChoiceError(f"cannot read {text!r}; {_FORMS}")
    return text[:position], text[position], text[position + 1 :]


def _ranks(wanted: str, topology: Topology) -> tuple[int, ...]:
    match = _PLACE.fullmatch(wanted)
    if match is None:
        raise ChoiceError(f"cannot read the place {wanted!r}; {_FORMS}")
    kind, number = match[1], int(match[2])
    count = topology.world_size if kind == "rank" else topology.nodes
    if number >= count:
        raise ChoiceError(f"there is no {kind} {number}; {kind}s are 0 to {count - 1}")
    each = 1 if kind == "rank" else topology.devices_per_node
    return tuple(range(number * each, (number + 1) * each))
