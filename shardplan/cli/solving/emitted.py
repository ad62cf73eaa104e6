"""What ``solve --emit launch`` writes beside a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.output import put_file, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.plan.file.plan import Plan


def emitted_files(plan_path: str) -> dict[str, str]:
    """By what starts the job, the file for it."""
    from shardplan.convert.launch.snippets import SUFFIXES

    stem = Path(plan_path).with_suffix("")
    return {target: f"{stem}{suffix}" for target, suffix in SUFFIXES.items()}


def emit(plan: Plan, plan_path: str, files: Mapping[str, str]) -> None:
    """Write them. Raises InputError where one cannot be written."""
    if files:
        from shardplan.convert.targets import converted

        for target, path in files.items():
            put_file(converted(plan, target, plan_path), path)


def say_emitted(files: Mapping[str, str]) -> None:
    """Say where they are, on stderr."""
    if files:
        tell(f"to start its job: {', '.join(files.values())}")
