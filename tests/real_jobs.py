"""Public jobs of 2025 and 2026 as specs, by what their sources say (``data/real_jobs.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JOBS = {
    job["name"]: job
    for job in json.loads((Path(__file__).parent / "data" / "real_jobs.json").read_text())["jobs"]
}
PIPELINES = {"SparseDist": "sparse_dist"}


def spec_of(name: str, topology: Any, dedup: bool = False, **changes: Any) -> dict[str, Any]:
    """A job's spec; lists of unknown length are taken to be half full, as the jobs' notes do."""
    job = JOBS[name]
    value = {
        "name": name,
        "batch": dict(job["batch"]),
        "topology": topology,
        "training": {
            "optimizer": job["optimizer"],
            "pipeline": PIPELINES.get(job["pipeline"].split(" ")[0], "none"),
        },
        "modules": {module["fqn"]: _module(module, dedup) for module in job["modules"]},
        "tables": [
            _table(table, module["fqn"]) for module in job["modules"] for table in module["tables"]
        ],
        "constraints": [
            {"tables": f"{module['fqn']}/*", "sharding": module["sharding"]}
            for module in job["modules"]
            if "sharding" in module
        ],
    }
    return {**value, **changes}


def _module(module: dict[str, Any], dedup: bool) -> dict[str, Any]:
    if module["pooled"]:
        return {"kind": "bag"}
    is_once = {"both": dedup}.get(module["index_dedup"], module["index_dedup"])
    return {"kind": "sequence", "dedup": is_once}


def _table(table: dict[str, Any], module: str) -> dict[str, Any]:
    features = table["features"]
    most = [feature["ids_max"] for feature in features]
    mean = [
        known if (known := feature["ids_mean"]) is not None else max(feature["ids_max"] / 2, 1)
        for feature in features
    ]
    return {
        "name": table["name"],
        "module": module,
        "rows": table["rows"],
        "dim": table["dim"],
        "dtype": table["dtype"],
        "features": [feature["name"] for feature in features],
        "pooling": mean,
        "cap": [max(*each) for each in zip(mean, most, strict=True)],
    }
