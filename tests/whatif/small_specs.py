"""Specs of a few tables, old and new, with so few placements that all can be gone through."""

from __future__ import annotations

import copy
import random

from random_specs import TOPOLOGY

KINDS = {
    3: ["table_wise", "column_wise", "data_parallel", "row_wise", "table_row_wise"],
    4: ["table_wise", "column_wise", "data_parallel"],
    5: ["table_wise", "data_parallel"],
    6: ["table_wise"],
}
"""Sharding types by the number of tables: the more tables, the fewer."""


def small_specs(seed):
    """The old spec, the new one in which something is otherwise, and what that is."""
    draw = random.Random(seed)
    count = draw.choice([3, 4, 5, 6])
    each = draw.choice([2, 4]) if count < 6 else 2
    nodes = draw.choice([1, 2]) if each == 2 else 1
    tables = [
        {
            "name": f"t{number}",
            "rows": int(10 ** draw.uniform(3.5, 7)),
            "dim": draw.choice([8, 16]) if count <= 4 else draw.choice([16, 32, 64]),
            "pooling": round(10 ** draw.uniform(0, 1.5), 1),
        }
        for number in range(count)
    ]
    old = {
        "name": "small",
        "batch": {"local": draw.choice([512, 4096])},
        "topology": copy.deepcopy(TOPOLOGY) | {"nodes": nodes, "devices_per_node": each},
        "cost_model": "h100",
        "training": {
            "optimizer": draw.choice(["sgd", "rowwise_adagrad", "adam"]),
            "exact_updates": False,
        },
        "tables": tables,
        "reserve": {"hbm": "0%", "ddr": "0%"},
        "constraints": [{"tables": "*", "sharding": KINDS[count], "kernels": ["fused", "dense"]}],
    }
    new, change = copy.deepcopy(old), draw.choice(["grow", "add", "pool", "none"])
    if change == "grow":
        new["tables"][0]["rows"] = int(new["tables"][0]["rows"] * 1.4)
    elif change == "pool":
        new["tables"][-1]["pooling"] *= 4
    elif change == "add":
        del old["tables"][-1]
    return old, new, change
