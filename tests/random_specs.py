"""Random small specs: a few tables, too small for caches, on two nodes of two devices.

There is little memory to spare.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from shardplan.build_case import case_of_value
from shardplan.errors import Infeasible, InputError
from shardplan.planning.formulate import formulate

if TYPE_CHECKING:
    from shardplan.case import Case

TOPOLOGY = {
    "name": "tiny",
    "cost_model": "h100",
    "nodes": 2,
    "devices_per_node": 2,
    "device": {"hbm": {"capacity": "1TB", "read": "1TB/s"}, "host_link": "32GB/s"},
    "node": {"ddr": {"capacity": "4TB", "read": "100GB/s"}},
    "scale_up": {"kind": "switch", "bandwidth": "100GB/s"},
    "nics": {"count": 1, "rate": "200Gb/s"},
}


def build(spec: dict[str, Any]) -> Case:
    """The case of a spec given as plain values.

    Columns may be cut under any optimizer, unless the spec says otherwise.
    """
    training = {"exact_updates": False, **spec.get("training", {})}
    return case_of_value(spec | {"training": training}, "spec")


@st.composite
def specs(draw: st.DrawFn, most_tables: int = 4, constrained: bool = True) -> dict[str, Any]:
    """A spec as plain values; HBM holds from a half to four times what the tables need at least."""
    tables = [_table(draw, index) for index in range(draw(st.integers(1, most_tables)))]
    spec = {
        "name": "random",
        "batch": {"local": draw(st.sampled_from([64, 1024]))},
        "topology": copy.deepcopy(TOPOLOGY),
        "cost_model": draw(st.sampled_from(["h100", "torchrec"])),
        "training": {
            "optimizer": draw(st.sampled_from(["sgd", "rowwise_adagrad", "adam"])),
            "pipeline": draw(st.sampled_from(["none", "sparse_dist", "prefetch_sparse_dist"])),
        },
        "tables": tables,
        "objective": draw(st.sampled_from(["step_time", "balance"])),
        "reserve": {"hbm": "0%", "ddr": "0%"},
    }
    if constrained and draw(st.booleans()):
        names = st.lists(st.sampled_from([t["name"] for t in tables]), min_size=1, unique=True)
        spec["constraints"] = [
            {"tables": sorted(draw(names)), **draw(_DEMANDS)}
            for _ in range(draw(st.integers(1, 2)))
        ]
        _drop_contradictions(spec)
    tighten(
        spec,
        hbm=draw(st.sampled_from([0.7, 1.0, 1.2, 1.5, 4.0])),
        ddr=draw(st.sampled_from([0.0, 0.5, 1.0, 2.0])),
    )
    return spec


_DEMANDS = st.sampled_from(
    [
        {"apart": True},
        {"together": True},
        {"ranks": [1, 2]},
        {"ranks": [0, 1]},
        {"kernels": ["fused", "dense"]},
        {"kernels": ["fused_uvm"]},
        {"sharding": ["table_row_wise", "grid_shard", "table_column_wise"]},
        {"sharding": ["column_wise", "row_wise"]},
        {"sharding": ["table_wise", "column_wise"]},
    ]
)


def _table(draw: st.DrawFn, index: int) -> dict[str, Any]:
    return {
        "name": f"t{index}",
        "rows": draw(st.sampled_from([3, 9, 500, 4096, 16_000])),
        "dim": draw(st.sampled_from([4, 8, 16, 32])),
        "pooling": draw(st.sampled_from([1, 3, 20])),
    }


def _drop_contradictions(spec: dict[str, Any]) -> None:
    """Constraints that leave a table nothing are errors of the spec, tested elsewhere."""
    while spec["constraints"]:
        try:
            build(spec)
        except InputError:
            spec["constraints"].pop()
        else:
            return


def tighten(spec: dict[str, Any], *, hbm: float, ddr: float) -> None:
    """Cut HBM and DDR down to multiples of what the tables need at least in either."""
    case = build(spec)
    base = np.ceil(case.capacity.base_bytes)
    try:
        problem = formulate(case).problem
    except Infeasible:  # by its constraints, whatever the memory
        return
    starts = problem.option_offsets[:-1]
    whole = np.where(problem.total_node_bytes[:, 0] > 0, np.inf, problem.total_device_bytes[:, 0])
    in_hbm = np.minimum.reduceat(whole, starts)
    in_ddr = np.maximum.reduceat(problem.total_node_bytes[:, 0], starts)
    needed = in_hbm[np.isfinite(in_hbm)].sum()
    offered = max(int(needed / 4 * hbm), 1) + int(base[0])
    spec["topology"]["device"]["hbm"]["capacity"] = f"{offered}B"
    spec["topology"]["node"]["ddr"]["capacity"] = (
        f"{max(int(in_ddr.sum() / 2 * ddr), 1) + int(base[1])}B"
    )
