"""The tables of the benchmarks: real sets from shared/data beside the project, and generated."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real tables; its README says where each file is from."""

_DIMS_OF_856 = (16, 32, 64, 128)
_WIDE_DIMS, _ROWS_SHARE = (64, 128, 192, 256), 0.8
_FP32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Generated:
    """Tables as ``[rows, dim, pooling]``, and the HBM that each device has for them."""

    tables: tuple[tuple[int, int, float], ...]
    hbm_bytes: int


def generated(tables: int, devices: int, seed: int = 0) -> Generated:
    """Random tables: rows log-uniform 1e3 to 1e8, dims 16 to 256, pooling log-uniform 1 to 50.

    HBM holds twice the weights with row-wise Adagrad's state. With seed 0 these are the problems of
    torchrec_bench_instances.json.
    """
    dice = random.Random(seed)
    drawn = tuple(
        (
            int(10 ** dice.uniform(3, 8)),
            dice.choice([16, 32, 64, 128, 256]),
            round(10 ** dice.uniform(0, 1.7), 1),
        )
        for _ in range(tables)
    )
    needed = sum(rows * (dim + 1) * _FP32_BYTES for rows, dim, _ in drawn)
    return Generated(drawn, int(2 * needed / devices))


def rows_of(tables: Any, **more: Any) -> list[dict[str, Any]]:
    """Entries of a spec from ``(rows, dim, pooling)``."""
    return [
        {"name": f"t_{i}", "rows": rows, "dim": dim, "pooling": pooling, **more}
        for i, (rows, dim, pooling) in enumerate(tables)
    ]


def published_set(name: str, **more: Any) -> list[dict[str, Any]]:
    """The entries of one set of table_sets.json."""
    tables = _read_json("table_sets.json")[name]["tables"]
    return rows_of([(t["rows"], t["dim"], t["pooling"]) for t in tables], **more)


def neuroshard_task(number: int) -> list[dict[str, Any]]:
    """The entries of one of NeuroShard's 50 placement tasks."""
    task = _read_json("neuroshard_tasks_maxdim128.json")["tasks"][number]
    return _of_856(task["table_ids"], task["dims"])


def sample_of_856(
    tables: int, dims: tuple[int, ...] = _DIMS_OF_856, seed: int = 0
) -> list[dict[str, Any]]:
    """Some of the 856 production-like tables, each with one of ``dims``."""
    dice = random.Random(seed)
    chosen = dice.sample(range(len(_tables_856())), tables)
    return _of_856(chosen, [dice.choice(dims) for _ in chosen])


def many_of_856(tables: int, seed: int = 0) -> list[dict[str, Any]]:
    """The 856 in their order, again and again, of 0.8 times as many rows: of 1,000 the weights
    are 2 TB, as where Meta divides devices into groups."""
    dice = random.Random(seed)
    every = _tables_856()
    chosen = [every[number % len(every)] for number in range(tables)]
    rows = [1 + int(_ROWS_SHARE * int(each["row"])) for each in chosen]
    poolings = [float(each["pooling_factor"]) for each in chosen]
    dims = [dice.choice(_WIDE_DIMS) for _ in chosen]
    return rows_of(zip(rows, dims, poolings, strict=True), access={"zipf": 1.05})


def _of_856(numbers: list[int], dims: list[int]) -> list[dict[str, Any]]:
    found = []
    for position, (number, dim) in enumerate(zip(numbers, dims, strict=True)):
        row = _tables_856()[number]
        bins = [float(row[f"bin_{i}"]) for i in range(17)]
        entry = {
            "name": f"t_{position}",
            "rows": int(row["row"]),
            "dim": dim,
            "pooling": float(row["pooling_factor"]),
        }
        found.append(entry | ({"access": {"reuse": bins}} if sum(bins) else {}))
    return found


@cache
def _tables_856() -> list[dict[str, str]]:
    with (DATA / "dlrm856_tables.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _read_json(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))
