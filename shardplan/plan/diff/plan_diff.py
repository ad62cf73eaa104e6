"""Two plans -> PlanDiff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.build_case import case_of_value
from shardplan.errors import InputError
from shardplan.plan.changes import Change, changes
from shardplan.plan.diff.costs import DeviceChange, PhaseChange, device_changes, phase_changes
from shardplan.plan.diff.table_move import TableMove, table_moves
from shardplan.plan.diff.transfer import LinkUse, link_uses
from shardplan.plan.throughput import Throughput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.diff.relabelling import Relabelling
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class InputChange:
    """An input that is not the one that the old plan was made from."""

    input: str
    """``spec``, ``topology`` or ``cost model``."""
    old_name: str
    new_name: str
    changes: tuple[Change, ...]
    """The keys that differ."""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """What it means that one plan follows another."""

    old_name: str
    new_name: str
    old_world_size: int
    new_world_size: int
    new_local_world_size: int
    table_count: int
    """Of the new plan."""
    old_step_seconds: float
    new_step_seconds: float
    old_throughput: Throughput | None
    new_throughput: Throughput | None
    """None where a plan does not say on how many samples it trains."""
    old_lower_bound_seconds: float
    new_lower_bound_seconds: float
    tables: tuple[TableMove, ...]
    """Those that the plans do not have alike, the most bytes first."""
    links: tuple[LinkUse, ...]
    """Empty where nothing moves."""
    phases: tuple[PhaseChange, ...]
    """Those that differ."""
    devices: tuple[DeviceChange, ...]
    """Those that differ."""
    inputs: tuple[InputChange, ...]
    """Those that differ."""
    relabelling: Relabelling | None
    """Other names of the new plan's ranks, under which all else is told; None where it is as
    written."""

    @property
    def moved_bytes(self) -> int:
        """All that passes from one rank to another."""
        return sum(table.moved_bytes for table in self.tables)

    @property
    def is_empty(self) -> bool:
        """Whether the plans place, predict and rest on the same."""
        differs = self.tables or self.phases or self.devices or self.inputs or self.relabelling
        return not differs and self.old_step_seconds == self.new_step_seconds


def diff_plans(
    old: Plan, new: Plan, case: Case, relabelling: Relabelling | None = None
) -> PlanDiff:
    """Compare two plans; ``case`` is that of the new one, whose links carry the moves.

    ``relabelling`` says which names the ranks of the new one were given before.
    """
    found = list(table_moves(old, new, case.workload.training.state))
    moves = [move for _, move in found if move is not None]
    return PlanDiff(
        old_name=old.name,
        new_name=new.name,
        old_world_size=old.world_size,
        new_world_size=new.world_size,
        new_local_world_size=new.local_world_size,
        table_count=new.table_count,
        old_step_seconds=old.prediction.step_seconds,
        new_step_seconds=new.prediction.step_seconds,
        old_throughput=Throughput.of_plan(old),
        new_throughput=Throughput.of_plan(new),
        old_lower_bound_seconds=old.optimality.lower_bound_seconds,
        new_lower_bound_seconds=new.optimality.lower_bound_seconds,
        tables=tuple(sorted((table for table, _ in found), key=lambda t: -t.moved_bytes)),
        links=link_uses(moves, case.topology),
        phases=phase_changes(old.prediction, new.prediction),
        devices=device_changes(old.prediction, new.prediction),
        inputs=tuple(_inputs(old, new)),
        relabelling=relabelling,
    )


def _inputs(old: Plan, new: Plan) -> Iterator[InputChange]:
    then, now = old.inputs, new.inputs
    if then == now:
        return
    before, after = _completed(old), _completed(new)
    for kind, key, was, real in (
        ("topology", "topology", then.topology, now.topology),
        ("cost model", "cost_model", then.cost_model, now.cost_model),
    ):
        found = tuple(changes(before.pop(key, None), after.pop(key, None), key))
        if was != real:
            yield InputChange(kind, was.name, real.name, found)
    found = tuple(changes(before, after))
    if then.spec_sha256 != now.spec_sha256 and found:
        yield InputChange("spec", old.name, new.name, found)


def _completed(plan: Plan) -> dict[str, Any]:
    """The spec that a plan carries, with the defaults of keys that came up after it was made."""
    carried = plan.resolved or {}
    try:
        return dict(case_of_value(carried, "resolved").resolved)
    except InputError:
        return dict(carried)
