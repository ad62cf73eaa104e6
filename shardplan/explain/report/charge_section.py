"""What is paid once for tables that are sharded alike, and what that saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.explain.numbers.explanation import Explanation
    from shardplan.whatif.worth.charge_prices import ChargePrice


def charge_sections(found: Explanation) -> Iterator[Section]:
    """One row for each group in use; nothing where no group is charged for."""
    if not found.charges:
        return
    columns = (
        Column("group", is_name=True),
        Column("costs", True),
        Column("saves at least", True),
        Column("without it", True),
        Column("", is_prose=True),
    )
    rows = tuple(
        (
            price.group,
            words.seconds(price.costs_seconds),
            "-" if price.is_needed else words.seconds(price.saves_seconds),
            "-" if price.without_seconds is None else words.seconds(price.without_seconds),
            _verdict(price, found.objective_seconds),
        )
        for price in found.charges
    )
    meaning = (
        "paid once for all tables of a group; what it saves beside that, and the best plan "
        "without it that a short search found"
    )
    yield Section("Charges", meaning, Grid(columns, rows))


def _verdict(price: ChargePrice, objective_seconds: float) -> str:
    """Whether a group is worth its charge, as far as that is proven."""
    if price.is_needed:
        return "no plan can do without it"
    if price.is_worth_it:
        return "no plan without it is better"
    if price.without_seconds is not None and price.without_seconds < objective_seconds:
        return "the plan without it is better: solve again"
    return "a plan without it may be better"
