"""``shardplan check`` of a model that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.output import json_text
from shardplan.cli.show import show_report

if TYPE_CHECKING:
    from shardplan.serving.served_case import ServedCase


def checked_served(case: ServedCase, form: str, width: int | None, *, resolved: bool) -> str:
    """The resolved spec, or what is to be planned."""
    if resolved:
        from shardplan.cli.reports.yaml_text import yaml_text

        return json_text(case.resolved) if form == "json" else yaml_text(case.resolved)
    from shardplan.explain.report.served.case_report import case_numbers, served_case_report

    if form == "json":
        return json_text({"valid": True, "summary": case_numbers(case)})
    return show_report(served_case_report(case), form, width)
