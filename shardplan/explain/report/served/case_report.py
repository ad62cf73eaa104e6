"""What a spec for serving asks to be planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.report.served.served_report import amount
from shardplan.explain.words import words
from shardplan.spec.serving.build_serving import unknown_losses
from shardplan.units import format_bytes
from shardplan.workload.serving.stored_format import RowLayout, StoredFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.serving.served_case import ServedCase
    from shardplan.spec.spec import Spec


def case_numbers(case: ServedCase) -> dict[str, Any]:
    """By name, in SI units."""
    serving = case.serving
    return {
        "name": serving.name,
        "topology": case.machine.file.name,
        "devices": case.replica.devices,
        "tables": len(serving.tables),
        "peak_queries_per_second": serving.load.peak_queries_per_second,
        "mean_candidates": serving.sizes.mean,
        "largest_candidates": serving.sizes.largest,
        "stored_bytes": {form.value: size for form, size in _stored(case).items()},
        "hbm_bytes": float(case.replica.capacity_bytes[0]) * case.replica.devices,
        "ddr_bytes": float(case.replica.capacity_bytes[1]),
    }


def served_case_report(case: ServedCase) -> Report:
    """Load, machine, and how large the tables are in each format that all of them may have."""
    numbers = case_numbers(case)
    rows = [
        ("load", f"{amount(numbers['peak_queries_per_second'])} queries/s at the peak"),
        (
            "query",
            f"{amount(numbers['mean_candidates'])} candidates in the mean, "
            f"{numbers['largest_candidates']:,} at most",
        ),
        (
            "replica",
            f"{words.plural(case.replica.devices, 'device')} of {numbers['topology']}: "
            f"{format_bytes(numbers['hbm_bytes'])} hbm, "
            f"{format_bytes(numbers['ddr_bytes'])} ddr after the reserve",
        ),
        *(
            (f"in {form}", f"{format_bytes(size)} of rows")
            for form, size in numbers["stored_bytes"].items()
        ),
    ]
    columns = (Column(""), Column("", is_prose=True))
    title = f"{case.serving.name}: {words.plural(len(case.serving.tables), 'table')} to be served"
    remarks = tuple(unknown_words(case.spec))
    return Report(title, (Section("Serving", grid=Grid(columns, tuple(rows)), remarks=remarks),))


def unknown_words(spec: Spec) -> Iterator[str]:
    """Of formats that are left out, since nobody says what they lose."""
    for form, count in unknown_losses(spec).items():
        yield (
            f"{form} is left out for {words.plural(count, 'table')}: quality is limited, and "
            f"quality_loss does not say what it loses"
        )


def _stored(case: ServedCase) -> dict[StoredFormat, int]:
    """Bytes of all tables, in the formats that are offered to each of them."""
    layout, tables = RowLayout.of(case.kind), case.serving.tables
    return {
        form: sum(form.table_bytes(each.table.rows, each.table.dim, layout) for each in tables)
        for form in StoredFormat
        if all(form in each.losses for each in tables)
    }
