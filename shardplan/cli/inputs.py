"""Reading what a command is given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.explain.numbers.side_by_side import Labelled
    from shardplan.plan.file.plan import Plan

STDIN = "<stdin>"
"""What messages call standard input."""
READING_SECONDS = 1.0
"""What reading may take beside a command's time limit; what it takes more, the limit pays for."""


def hold(*objects: object) -> None:
    """Keep what a command works with past its end, when the process ends too; of a command that
    runs in a program, it is freed as all else is."""
    context = click.get_current_context(silent=True)
    held = context.find_object(list) if context else None
    if held is not None:
        held += objects


def file_label(path: str) -> str:
    """What messages call an input file."""
    return STDIN if path == "-" else path


def plan_at(path: str) -> Plan:
    """The plan in a file, ``-`` for standard input; raises InputError."""
    from shardplan.plan.file.read import read_plan, read_plan_from

    plan = read_plan(path) if path != "-" else read_plan_from(sys.stdin.buffer, STDIN)
    hold(plan)
    return plan


def case_of_plan(plan: Plan, file: str) -> Case:
    """The case of the spec that a plan carries; raises InputError where it carries none."""
    from shardplan.plan.carried import carried_case

    case = carried_case(plan, file)
    hold(case)
    return case


def labelled(path: str) -> Labelled:
    """A plan with its case, called by its file; raises InputError."""
    from shardplan.explain.numbers.side_by_side import Labelled

    plan = plan_at(path)
    return Labelled(file_label(path), plan, case_of_plan(plan, file_label(path)))
