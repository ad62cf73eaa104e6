"""Data profiled, written, told, and held against older data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.inputs import case_of_plan, plan_at
from shardplan.cli.output import put, tell
from shardplan.cli.profiling.profile_lines import drift_lines, profile_lines
from shardplan.cli.profiling.profile_progress import ProfileProgress
from shardplan.cli.show import say_lines
from shardplan.profile.features.table_rule import read_features
from shardplan.profile.held_profile import held_profile, old_references
from shardplan.profile.profile_files import profile_files
from shardplan.profile.sources.found import found_paths
from shardplan.profile.tables.write_profile import check_kept, write_profile
from shardplan.solve.deadline import Deadline

if TYPE_CHECKING:
    from shardplan.cli.profiling.profile_request import ProfileRequest
    from shardplan.profile.drift.reference import Reference
    from shardplan.profile.profile_files import Reading
    from shardplan.profile.tables.profile import Profile
    from shardplan.profile.tables.table_profile import Asked

_BOUND_SECONDS = 60.0


def profile_one(request: ProfileRequest) -> bool:
    """Do what is asked; whether data moved, or with a plan another one would pay.

    Raises InputError for what cannot be read, and where a file would lie over data.
    """
    asked, reading = request.asked(), request.reading()
    if request.output is not None:
        check_kept(found_paths(request.data), request.output, request.hot_rows)
    old = None if request.against is None else old_references(request.against)
    profile = _profiled(request, asked, reading, old or {})
    if request.output is not None:
        write_profile(profile, request.output, request.hot_rows)
    for line in profile.warnings:
        tell(f"warning: {line}")
    if not request.quiet:
        say_lines(profile_lines(profile))
    return old is not None and _is_alarm(old, profile, request.plan)


def _profiled(
    request: ProfileRequest, asked: Asked, reading: Reading, old: dict[str, Reference]
) -> Profile:
    rules = read_features(request.features) if request.features else ()
    progress = ProfileProgress(is_quiet=request.quiet)
    try:
        return profile_files(
            request.data,
            asked,
            reading,
            rules,
            hot=request.hot_ids,
            old_hot={name: each.hot_ids for name, each in old.items()},
            looks_for_merging=request.joint,
            reporter=progress,
        )
    finally:
        progress.end()


def _is_alarm(old: dict[str, Reference], profile: Profile, plan: str | None) -> bool:
    known = None
    if plan is not None:
        found = plan_at(plan)
        known = found, case_of_plan(found, plan)
    drift = held_profile(old, profile, known, Deadline.after(_BOUND_SECONDS))
    put("".join(f"{line}\n" for line in drift_lines(drift)))
    return drift.is_alarm
