"""Small specs for serving."""

from __future__ import annotations

from typing import Any

from shardplan.serving.served_case import ServedCase, served_case_of_value


def served_spec(**changes: Any) -> dict[str, Any]:
    """Two tables on one device; ``changes`` are of ``serving``, or else top keys of the spec."""
    top = {"topology", "tables", "defaults", "reserve"}
    serving: dict[str, Any] = {
        "load": {"queries": "2000/s", "peak": 2},
        "query": {"candidates": 500},
        "replicas": {"devices": 1},
        "dtypes": ["fp16", "int8", "int4"],
    }
    serving |= {key: value for key, value in changes.items() if key not in top}
    return {
        "topology": "dgx-h100",
        "serving": serving,
        "defaults": {"dim": 64},
        "tables": [
            {"name": "user", "rows": 1_000_000, "pooling": 10, "side": "user"},
            {"name": "item", "rows": 200_000, "pooling": 3},
        ],
    } | {key: value for key, value in changes.items() if key in top}


def served(**changes: Any) -> ServedCase:
    """The case of such a spec."""
    return served_case_of_value(served_spec(**changes), "spec")
