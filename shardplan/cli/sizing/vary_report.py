"""Varied -> Report: what more of each resource is worth, every mix, and the balanced machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.size.vary.balanced import Balanced
    from shardplan.size.vary.behind import Behind
    from shardplan.size.vary.marginal import MarginalValue
    from shardplan.size.vary.twice import SolvedTwice
    from shardplan.size.vary.vary import MixOfMachine, Varied, VariedMachine

_WORTH_NAMING = 0.01
"""Of a step: what less is left is not told."""
_NEGLIGIBLE = 5e-5
"""Of a step: changes that are told as none."""
_CLOSING = (
    "At least: a bound by the solver's relaxation; no plan takes less, the best may take more."
)
_OF_PLANS = (
    "twice as good: the step of a plan with twice of it against that of a plan without; in "
    "brackets what the bounds of both leave of the change between the best plans, if it is more"
)
_OF_BOUNDS = (
    "of the bound: by how much the bound falls, with nothing planned; the best plans may gain "
    "more or less"
)
_MEANING = (
    "bound, 1% better: of the mean device, from machines with a little more and a little less; by "
    "prices: from shares of options and prices of memory alone, with nothing solved again"
)


def vary_report(varied: Varied) -> Report:
    """What other machines would do."""
    sections = [section for each in varied.machines for section in _sections(each, varied.budget)]
    sections += [_behind(each) for each in varied.behind]
    return Report(f"{varied.name}: machines that do not exist yet", tuple(sections), _CLOSING)


def _sections(machine: VariedMachine, budget: float | None) -> Iterator[Section]:
    yield _marginal(machine)
    if machine.mixes:
        yield _mixes(machine)
    if budget is not None and machine.varied:
        yield Section("The balanced machine", _balanced_words(machine, budget))


def _marginal(machine: VariedMachine) -> Section:
    title = f"{machine.candidate}: what more is worth"
    if machine.least_seconds is None:
        return Section(title, "there is no plan")
    parts = sorted(machine.parts.items(), key=lambda item: -item[1])
    shares = ", ".join(f"{part} {seconds / machine.least_seconds:.0%}" for part, seconds in parts)
    columns = (
        Column("resource", is_name=True),
        Column("has", True),
        Column("twice as good", True),
        Column("bound, 1% better", True),
        Column("by prices", True, spare=1),
    )
    solved = {each.path: each for each in machine.solved}
    helpful = [each for each in machine.marginal if _helps(each)]
    others = [each.path for each in machine.marginal if not _helps(each)]
    rows = tuple(_row(each, solved.get(each.path)) for each in helpful)
    remarks = (
        *([f"more by itself moves no bound: {', '.join(others)}"] if others else []),
        *([_OF_PLANS] if any(each.path in solved for each in helpful) else []),
        *([_OF_BOUNDS] if any(each.path not in solved for each in helpful) else []),
        *([_MEANING] if rows else []),
    )
    at_least = f"at least {_milliseconds(machine.least_seconds)}: {shares}"
    return Section(title, at_least, Grid(columns, rows) if rows else None, remarks)


def _helps(each: MarginalValue) -> bool:
    return max(abs(each.twice), abs(each.elasticity or 0.0) / 100) >= _NEGLIGIBLE


def _row(each: MarginalValue, solved: SolvedTwice | None) -> tuple[str, ...]:
    change = f"{_percent(each.twice)} of the bound"
    if solved is not None:
        change = _percent(solved.change)
        ends = [_percent(end) for end in (solved.least_change, solved.most_change)]
        if ends != [change, change]:
            change += f" ({' to '.join(ends)})"
    little, by_prices = (
        "-" if e is None else _percent(e / 100, 2) for e in (each.gain, each.gain_by_prices)
    )
    return each.path, each.words, change, little, by_prices


def _mixes(machine: VariedMachine) -> Section:
    has_plans = any(mix.step_seconds is not None for mix in machine.mixes)
    has_costs = any(mix.cost is not None for mix in machine.mixes)
    columns = (
        *(Column(path, True) for path in machine.varied),
        Column("at least", True),
        *((Column("plan", True),) if has_plans else ()),
        *((Column("cost", True),) if has_costs else ()),
    )
    rows = tuple(
        (
            *mix.words,
            _known(mix.bound_seconds),
            *((_known(mix.step_seconds),) if has_plans else ()),
            *((f"{mix.cost:,.6g}",) if has_costs and mix.cost is not None else ()),
        )
        for mix in machine.mixes
    )
    return Section("Every mix", machine.candidate, Grid(columns, rows))


def _balanced_words(machine: VariedMachine, budget: float) -> str:
    found = machine.balanced
    if found is None:
        return f"no mix costs {budget:,.6g} or less and has a plan"
    mix = _mix_of(machine, found)
    named = zip(machine.varied, mix.words, strict=True) if mix else ()
    what = ", ".join(f"{path} {words}" for path, words in named)
    plan = f", with a plan {_known(mix.step_seconds)}" if mix and mix.step_seconds else ""
    return (
        f"for {budget:,.6g}: {what}, at {found.cost:,.6g}: at least "
        f"{_milliseconds(found.bound.seconds)}{plan}; no mix within the budget can take less than "
        f"{_milliseconds(found.least_seconds)}"
    )


def _mix_of(machine: VariedMachine, found: Balanced) -> MixOfMachine | None:
    return next((mix for mix in machine.mixes if mix.values == found.values), None)


def _behind(each: Behind) -> Section:
    title = f"{each.candidate}: why its bound is behind"
    meaning = (
        f"at least {_milliseconds(each.least_seconds)} by the mean device, where "
        f"{each.ahead} takes at least {_milliseconds(each.ahead_seconds)}"
    )
    if not each.taken:
        return Section(title, meaning, remarks=("no part of that machine alone lowers it",))
    columns = (Column("with its", is_name=True), Column("at least", True), Column("lower by", True))
    rows = tuple(
        (taken.part, _milliseconds(taken.least_seconds), _milliseconds(taken.saved_seconds))
        for taken in each.taken
    )
    left = each.taken[-1].least_seconds - each.ahead_seconds
    is_left = left > _WORTH_NAMING * each.ahead_seconds
    rest = (f"the other {_milliseconds(left)} are its cost model's: devices, collectives",)
    return Section(title, meaning, Grid(columns, rows), rest if is_left else ())


def _known(seconds: float | None) -> str:
    return "none" if seconds is None else _milliseconds(seconds)


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{1e3 * seconds:,.0f} ms"


def _percent(share: float, digits: int = 1) -> str:
    return "0" if abs(share) < _NEGLIGIBLE else f"{share:+.{digits}%}"
