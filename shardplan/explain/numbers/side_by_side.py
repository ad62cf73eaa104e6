"""Plans -> what decides between them, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.cost.phases import DENSE
from shardplan.explain.numbers.explanation import TierUse
from shardplan.plan.changes import leaves
from shardplan.plan.file.rounding import rounded
from shardplan.plan.throughput import Throughput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One plan."""

    label: str
    """The file that it is in."""
    name: str
    world_size: int
    topology: str
    cost_model: str
    step_seconds: float
    global_batch: int
    samples_per_second: float | None
    relative: float | None
    """Samples per second, over those of the first plan; None where either is unknown."""
    lower_bound_seconds: float
    gap: float | None
    status: str
    fullest_rank: int
    """The device with most HBM in use."""
    hbm: TierUse
    """Of that device."""
    bottleneck: str
    """The longest phase that the step waits for; ``dense`` where the rest of the model is."""
    bottleneck_seconds: float
    bottleneck_rank: int | None
    """Its slowest device; None where all spend the same."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key of the specs that is not the same in all plans."""

    where: str
    values: tuple[str, ...]
    """Of each plan in words; ``absent`` where it has none."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Plans in the order in which they were given."""

    plans: tuple[PlanLine, ...]
    keys: tuple[KeyLine, ...]
    """Empty where all were made from the same."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A plan to be compared, with the case that it carries."""

    label: str
    plan: Plan
    case: Case


def side_by_side(found: Sequence[Labelled]) -> SideBySide:
    """Line plans up."""
    rates = [_throughput(each).samples_per_second for each in found]
    first = rates[0] if rates else None
    relative = [rounded(rate / first) if rate and first else None for rate in rates]
    lines = (_line(each, of_first) for each, of_first in zip(found, relative, strict=True))
    return SideBySide(tuple(lines), tuple(_keys([each.case for each in found])))


def _throughput(one: Labelled) -> Throughput:
    return Throughput.of(one.case.samples, one.plan.prediction.step_seconds)


def _line(one: Labelled, relative: float | None) -> PlanLine:
    plan, throughput = one.plan, _throughput(one)
    held = [rank.memory_bytes.hbm for rank in plan.prediction.ranks]
    fullest = held.index(max(held))
    name, seconds, rank = _bottleneck(plan)
    return PlanLine(
        label=one.label,
        name=plan.name,
        world_size=plan.world_size,
        topology=plan.inputs.topology.name,
        cost_model=plan.inputs.cost_model.name,
        step_seconds=plan.prediction.step_seconds,
        global_batch=throughput.global_batch,
        samples_per_second=throughput.samples_per_second,
        relative=relative,
        lower_bound_seconds=plan.optimality.lower_bound_seconds,
        gap=plan.optimality.gap,
        status=plan.optimality.status,
        fullest_rank=fullest,
        hbm=TierUse(held[fullest], int(one.case.capacity.usable_bytes[0])),
        bottleneck=name,
        bottleneck_seconds=seconds,
        bottleneck_rank=rank,
    )


def _bottleneck(plan: Plan) -> tuple[str, float, int | None]:
    """Name, seconds and slowest device of the longest phase that the step waits for."""
    forecast = plan.prediction
    known = forecast.phases | {DENSE.name: forecast.dense_seconds}
    waited_for = {name: known[name] for name in known if name in forecast.waited_for}
    name = max(waited_for, key=lambda name: waited_for[name], default=DENSE.name)
    if name == DENSE.name:
        return name, forecast.dense_seconds, None
    spent = [rank.phases.get(name, 0.0) for rank in forecast.ranks]  # Plans may be edited.
    is_even = min(spent) == max(spent)
    return name, waited_for[name], None if is_even else spent.index(max(spent))


def _keys(cases: Sequence[Case]) -> Iterator[KeyLine]:
    """The keys that differ; of machines, cost models and frameworks by other names the names."""
    values = [dict(case.resolved) for case in cases]
    frameworks = [value["training"].get("framework") or {} for value in values]
    if len({each.get("name") for each in frameworks}) > 1:
        for value, framework in zip(values, frameworks, strict=True):
            value["training"] = value["training"] | {"framework": _named(framework)}
    for part in ("topology", "cost_model"):
        if len({value[part]["name"] for value in values}) > 1:
            for value in values:
                value[part] = _named(value[part])
    flat: list[dict[str, Any]] = [dict(leaves(value)) for value in values]
    for where in dict.fromkeys(key for each in flat for key in each):
        of_table = where.split(".")[:2] if where.startswith("tables.") else []
        name = ".".join((*of_table, "name"))
        if of_table and any(name not in each for each in flat):
            if where == name:  # of a table that only some have, that alone
                is_there = ("there" if name in each else "absent" for each in flat)
                yield KeyLine(".".join(of_table), tuple(is_there))
            continue
        words = tuple(each.get(where, "absent") for each in flat)
        if len(set(words)) > 1:
            yield KeyLine(where, words)


def _named(part: dict[str, Any]) -> dict[str, Any]:
    return {key: part[key] for key in ("name", "nodes", "devices_per_node") if key in part}
