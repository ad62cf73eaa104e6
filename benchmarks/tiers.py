"""Plans for tables of which HBM holds a tenth: ours beside rules of thumb, and the bound.

    python benchmarks/tiers.py -o docs/performance/tiers.json
    python benchmarks/tiers.py --tables 856 --dim 32 --devices 64 -o docs/performance/tiers.json

needs the folder shared/data beside the project.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from comparison import compare
from contenders import Limits
from instances import Instance
from problem_specs import GLOBAL_BATCH, Ruler
from report import as_json, as_markdown, merge_into, number, ratio
from table_sets import sample_of_856
from tier_contenders import TIER_CONTENDERS, whole_tables

from shardplan.build_case import case_of_value
from shardplan.sharding.kernel import Kernel
from shardplan.units import parse_fraction, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparison import Row

HEADER = ("problem", "contender", "step ms", "x bound", "x shardplan", "CPU s", "note")
_DEVICES, _DIM = 16, 64
_DEVICES_PER_NODE, _ELEMENT_BYTES = 8, 4


def scarce(
    tables: int, share: float, seed: int = 0, dim: int = _DIM, devices: int = _DEVICES
) -> Instance:
    """A sample of the 856 tables on DGX H100, cut to HBM for ``share`` of the weights' bytes.

    What batches need in HBM comes on top: the buffers of all tables were they whole and in DDR.
    """
    drawn = sample_of_856(tables, (dim,), seed)
    spec: dict[str, Any] = {
        "name": f"{tables} of 856 of {dim} x {devices}, {share:.0%} in HBM",
        "batch": {"global": GLOBAL_BATCH},
        "topology": {"name": "dgx-h100", "nodes": devices // _DEVICES_PER_NODE},
        "cost_model": "h100",
        "training": {
            "optimizer": "rowwise_adagrad",
            "exact_updates": False,
            "pipeline": "prefetch_sparse_dist",
        },
        "tables": drawn,
        "reserve": {"hbm": "0%"},
        "objective": Ruler.STEP_TIME.value,
    }
    case = case_of_value(spec, spec["name"])
    weights = sum(table["rows"] for table in drawn) * dim * _ELEMENT_BYTES
    in_ddr = case.cost_model.unit_costs(whole_tables(case, Kernel.FUSED_UVM))
    needed = (share * weights + in_ddr.memory_bytes[:, 0].sum()) / devices
    kept = case.capacity.raw_bytes[0] - case.capacity.base_bytes[0] - needed
    spec["reserve"] = {"hbm": f"{int(kept)}B"}
    return Instance("tiers", spec["name"], Ruler.STEP_TIME, spec)


def comparisons(instance: Instance, limits: Limits) -> list[Row]:
    """Every contender on one problem; shardplan comes first and proves the bound."""
    rows: list[Row] = []
    for name in ("shardplan", *TIER_CONTENDERS):
        print(f"{instance.name}: {name}", file=sys.stderr)
        row = compare(instance, name, limits)
        bound = rows[0].lower_bound_seconds if rows else row.lower_bound_seconds
        rows.append(replace(row, lower_bound_seconds=bound))
    return rows


def as_lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The rows as text, in the order of ``HEADER``."""
    ours = {row.instance: row.objective_seconds for row in rows if row.contender == "shardplan"}
    return [
        (
            row.instance,
            row.contender,
            number(row.objective_seconds and row.objective_seconds * 1e3, 4),
            ratio(row),
            number(_times(row.objective_seconds, ours[row.instance]), 3),
            number(row.cpu_seconds, 3),
            row.note,
        )
        for row in rows
    ]


def _times(seconds: float | None, ours: float | None) -> float | None:
    return seconds / ours if seconds and ours else None


def as_page(rows: Sequence[Row]) -> str:
    """Markdown."""
    return as_markdown(HEADER, as_lines(rows))


@click.command()
@click.option("--tables", default=200, help="How many of the 856.")
@click.option("--share", default="10%", help="Of the weights' bytes, what HBM holds.")
@click.option("--seed", default=0, help="Of the sample.")
@click.option("--dim", default=_DIM, help="Of all tables.")
@click.option("--devices", default=_DEVICES, help="In nodes of 8.")
@click.option("--time-limit", default="60s", help="Of shardplan.")
@click.option("--gap", default="1%", help="Where shardplan stops.")
@click.option("--json", "is_json", is_flag=True, help="All that is known, in SI units.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="JSON to add to.")
def main(
    tables: int,
    share: str,
    seed: int,
    dim: int,
    devices: int,
    time_limit: str,
    gap: str,
    is_json: bool,
    output: Path | None,
) -> None:
    """Compare shardplan with greedy rules that fill HBM first, and with equal caches."""
    limits = Limits(parse_fraction(gap), parse_seconds(time_limit))
    rows = comparisons(scarce(tables, parse_fraction(share), seed, dim, devices), limits)
    if output:
        merge_into(output, rows)
    click.echo(as_json(rows) if is_json else as_page(rows), nl=False)


if __name__ == "__main__":
    main()
