"""How a plan was found, and when, as its file says it."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

from shardplan.plan.file.provenance import HistoryPoint, RunInfo, SolverInfo
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.settings import Settings
from shardplan.surroundings import creation_time
from shardplan.version import __version__

if TYPE_CHECKING:
    from shardplan.solve.outcome import Outcome


def solver_info(outcome: Outcome, settings: Settings) -> SolverInfo:
    """What was asked; of the search, only what differs from this version's."""
    try:
        highs = importlib.metadata.version("highspy")
    except importlib.metadata.PackageNotFoundError:
        highs = None
    asked: dict[str, Any] = {
        "node_limit": settings.node_limit,
        "effort": settings.effort,
        "threads": settings.threads if settings.threads > 1 else None,
        "search": settings.search.changes() if settings.search is not None else None,
    }
    return SolverInfo(
        method=f"{settings.method}: {outcome.method}",
        seed=settings.seed,
        gap=settings.gap,
        shardplan_version=__version__,
        highs_version=highs,
        **{name: value for name, value in asked.items() if value},
    )


def settings_of(solver: SolverInfo, time_limit_seconds: float) -> Settings:
    """The settings that make a plan again, given a time limit that does not strike.

    Raises ValueError where the plan's search had moves or parameters that this version lacks.
    """
    default = Settings()
    return Settings(
        method=solver.method.partition(":")[0],
        gap=default.gap if solver.gap is None else solver.gap,
        time_limit_seconds=time_limit_seconds,
        node_limit=solver.node_limit,
        seed=solver.seed,
        effort=solver.effort,
        threads=solver.threads or 1,
        search=SearchParams.with_changes(solver.search or {}),
    )


def run_info(outcome: Outcome, elapsed_seconds: float) -> RunInfo:
    return RunInfo(
        generated_at=creation_time().isoformat(timespec="seconds"),
        elapsed_seconds=elapsed_seconds,
        history=tuple(
            HistoryPoint(
                elapsed_seconds=point.seconds,
                best_seconds=_finite(point.objective),
                bound_seconds=_finite(point.lower_bound),
            )
            for point in outcome.history
        ),
    )


def _finite(seconds: float) -> float | None:
    return seconds if seconds < float("inf") else None
