"""What ``profile`` says of data, in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.units import format_seconds
from shardplan.workload.access import Uniform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.profile.count.table_counts import TableCounts
    from shardplan.profile.drift.drift import ProfileDrift
    from shardplan.profile.tables.profile import Profile

_MOST_TABLES = 40


def profile_lines(profile: Profile) -> Iterator[str]:
    """A line for each table."""
    yield f"{profile.samples:,} samples, {len(profile.tables):,} tables"
    for table in profile.tables[:_MOST_TABLES]:
        counts, spec = table.counts.frequencies, table.spec
        pooling = sum(feature.pooling for feature in table.features)
        form = "uniform" if isinstance(table.fitted.access, Uniform) else "skewed"
        error = "" if table.fitted.error is None else f", fit off by {table.fitted.error:.2%}"
        yield (
            f"  {spec.name}: {spec.rows:,} rows, {counts.rows_touched:,} of them read, "
            f"{pooling:.4g} ids a sample, {form}{error}{_growth(table.counts)}"
        )
    if (rest := len(profile.tables) - _MOST_TABLES) > 0:
        yield f"  ... and {rest:,} more"
    for pair in profile.merging:
        first, second = pair.tables
        yield f"  {first} and {second} would make one table of {pair.joint_rows:,} rows"


def _growth(counts: TableCounts) -> str:
    """Of several days, what the last one added."""
    if not counts.skew[-1]:
        return ""
    last = counts.newest_day
    return f"; the last day reads {last.rows_touched:,}, {last.rows_new:,} of them new"


def drift_lines(drift: ProfileDrift) -> Iterator[str]:
    """Which tables moved, and what that does to a plan."""
    for each in drift.moved:
        yield (
            f"{each.table} moved: {each.unseen_excess:.1%} of its accesses are to new ids "
            f"beyond chance, and its {each.hot_rows:,} hottest ids lost {each.lost_excess:.1%}"
        )
    for word, names in (("appeared", drift.appeared), ("vanished", drift.vanished)):
        yield from (f"{name} {word}" for name in names)
    if not (drift.moved or drift.appeared or drift.vanished):
        yield f"none of {len(drift.movements):,} tables moved"
    yield from map(str, drift.beyond)
    if (effect := drift.effect) is None:
        return
    for breach in effect.breaches:
        yield f"the plan overflows: {breach}"
    yield from (f"the plan has no place for {name}" for name in effect.lost)
    if effect.step_seconds is not None:
        before, now = effect.old_step_seconds, effect.step_seconds
        yield f"the plan's step was {format_seconds(before)} and is now {format_seconds(now)}"
    if drift.beyond:
        yield "another plan is needed, of tables with more rows: shardplan solve --from"
    elif effect.advises_replan:
        yield "another plan would pay: shardplan solve --from"
    else:
        yield "the plan stays as good as it was"
