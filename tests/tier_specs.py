"""Random small specs of one node with two devices and three tiers, none of which holds all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from shardplan.build_case import case_of_value

if TYPE_CHECKING:
    from shardplan.case import Case

SHARDING = ("table_wise", "row_wise")
KERNELS = ("fused", "fused_uvm", "fused_uvm_caching", "key_value")


def build(spec: dict[str, Any]) -> Case:
    """The case of a spec given as plain values."""
    return case_of_value(spec, "spec")


@st.composite
def tier_specs(draw: st.DrawFn, least_tables: int, most_tables: int) -> dict[str, Any]:
    """HBM for a tenth to a half of the weights, DDR for as much again or more, SSD for all."""
    count = draw(st.integers(least_tables, most_tables))
    tables = [_table(draw, index) for index in range(count)]
    weights = sum(table["rows"] * table["dim"] * 4 for table in tables)
    hbm = draw(st.sampled_from([0.15, 0.3, 0.5]))
    ddr = draw(st.sampled_from([0.4, 0.7, 1.5]))
    return {
        "name": "tiers",
        "batch": {"local": draw(st.sampled_from([256, 2048]))},
        "topology": {
            "name": "two",
            "cost_model": "h100",
            "nodes": 1,
            "devices_per_node": 2,
            "device": {
                "hbm": {"capacity": f"{int(hbm * weights / 2)}B", "read": "3TB/s"},
                "host_link": "64GB/s",
            },
            "node": {
                "ddr": {
                    "capacity": f"{int(ddr * weights)}B",
                    "read": "200GB/s",
                    "write": "160GB/s",
                },
                "ssd": {"capacity": "10TB", "read": "12GB/s", "write": "6GB/s", "iops": 2e6},
            },
            "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
            "nics": {"count": 2, "rate": "50GB/s"},
        },
        "training": {"pipeline": draw(st.sampled_from(["sparse_dist", "prefetch_sparse_dist"]))},
        "tables": tables,
        "constraints": [{"tables": "*", "sharding": list(SHARDING), "kernels": list(KERNELS)}],
        "reserve": {"hbm": "0%", "ddr": "0%", "ssd": "0%"},
    }


def with_hbm(spec: dict[str, Any], times: float) -> dict[str, Any]:
    """The spec with that many times the HBM."""
    topology = spec["topology"]
    capacity = int(int(topology["device"]["hbm"]["capacity"][:-1]) * times)
    hbm = topology["device"]["hbm"] | {"capacity": f"{capacity}B"}
    return spec | {"topology": topology | {"device": topology["device"] | {"hbm": hbm}}}


def _table(draw: st.DrawFn, index: int) -> dict[str, Any]:
    access = st.sampled_from(["uniform", {"zipf": 0.8}, {"zipf": 1.05}, {"zipf": 1.2}])
    return {
        "name": f"t{index}",
        "rows": draw(st.sampled_from([2_000_000, 8_000_000, 30_000_000])),
        "dim": draw(st.sampled_from([32, 64, 128])),
        "pooling": draw(st.sampled_from([1, 5, 20])),
        "access": draw(access),
    }
