"""Reading a plan of whichever job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.inputs import STDIN, hold
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.serving.file.served_plan import ServedPlan


def any_plan_at(path: str) -> Plan | ServedPlan:
    """The plan in a file, ``-`` for standard input; raises InputError."""
    from shardplan.plan.file.read import plan_text
    from shardplan.serving.file.read import parse_any

    file = STDIN if path == "-" else path
    if path == "-":
        plan = parse_any(plan_text(sys.stdin.buffer, file), file)
    else:
        try:
            with Path(path).open("rb") as stream:
                text = plan_text(stream, file)
        except (OSError, ValueError) as error:
            message = f"cannot read the file: {getattr(error, 'strerror', None) or error}"
            raise InputError([Diagnostic(file, 0, 0, "", message, code="plan")]) from None
        plan = parse_any(text, file)
    hold(plan)
    return plan
