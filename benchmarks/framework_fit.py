"""Fits what TorchRec costs on two CPU processes besides lookups, updates and raw exchanges.

    python benchmarks/framework_fit.py

The distribution of ids and the exchange of outputs of sharded collections
(``torchrec_gloo_steps.csv``: medians of 10 steps, the slower of two ranks with a core each, fp32).
What gloo takes to move the bytes alone is left out, and the rest is shared out by non-negative
least squares of relative errors over two rows of three; every third row is held out and predicted.
Row-wise tables have no part in the fit of outputs: what they wait for is a reduce-scatter.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shardplan.calibrate.fit.nnls import nnls

HERE = Path(__file__).parent
RANKS = 2
RAW_SECONDS_PER_BYTE = 0.45e-9
"""Of the buffer of an all-to-all between two gloo processes: the least of 60, at 3.4 to 13.6 MB."""
INDEX_BYTES, ELEMENT_BYTES = 8, 4
TERMS = {"ids_ms": ("per_group", "per_table", "per_id"), "out_ms": ("per_group", "per_byte")}
"""What is fitted to each column."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured step, and what a rank does in it."""

    name: str
    measured: dict[str, float]
    """Seconds by column."""
    raw: dict[str, float]
    """Of them, what gloo takes to move the bytes."""
    units: dict[str, float]
    """By term."""
    cuts_rows: bool


def rows() -> list[Row]:
    """All rows of tables that exchange anything."""
    with (HERE / "torchrec_gloo_steps.csv").open(encoding="utf-8") as file:
        return [_row(line) for line in csv.DictReader(file) if line["types"] != "data_parallel"]


def _row(line: dict[str, str]) -> Row:
    kinds = line["types"].split()
    samples = int(line["samples"]) * RANKS
    each = int(line["tables"]) / len(kinds)
    shards = sum(each / RANKS if kind == "table_wise" else each for kind in kinds)
    looked_up = sum(each if kind == "column_wise" else each / RANKS for kind in kinds)
    wide = sum(each if kind == "row_wise" else each / RANKS for kind in kinds)
    ids, output = looked_up * samples * float(line["ids"]), wide * samples * int(line["dim"])
    units = {
        "per_group": float(len(kinds)),
        "per_table": shards,
        "per_id": ids,
        "per_byte": output * ELEMENT_BYTES,
    }
    raw = {
        "ids_ms": ids * INDEX_BYTES * RAW_SECONDS_PER_BYTE,
        "out_ms": units["per_byte"] * RAW_SECONDS_PER_BYTE,
    }
    name = ", ".join(f"{line[key]} {key}" for key in ("tables", "dim", "ids", "samples"))
    measured = {column: float(line[column]) / 1e3 for column in TERMS}
    return Row(f"{line['types']}, {name}", measured, raw, units, "row_wise" in kinds)


@dataclass(frozen=True, slots=True)
class Fit:
    """What one unit of each term of a column takes, and how far off its rows are."""

    seconds: dict[str, float]
    fitted_errors: dict[str, float]
    """By row: predicted over measured, less 1."""
    held_out_errors: dict[str, float]


def fit(column: str) -> Fit:
    """Fitted to two rows of three."""
    known = [row for row in rows() if column == "ids_ms" or not row.cuts_rows]
    held_out = known[2::3]
    fitted = [row for row in known if row not in held_out]
    weights = np.array([1 / row.measured[column] for row in fitted])
    units = np.array([[row.units[term] for term in TERMS[column]] for row in fitted])
    left = np.array([row.measured[column] - row.raw[column] for row in fitted])
    found = dict(zip(TERMS[column], nnls(units * weights[:, None], left * weights), strict=True))
    return Fit(
        {term: float(value) for term, value in found.items()},
        {row.name: _error(row, column, found) for row in fitted},
        {row.name: _error(row, column, found) for row in held_out},
    )


def _error(row: Row, column: str, seconds: dict[str, float]) -> float:
    added = sum(row.units[term] * value for term, value in seconds.items())
    return (row.raw[column] + added) / row.measured[column] - 1


def mean_error(errors: dict[str, float]) -> float:
    """The mean of their absolute values."""
    return float(np.mean(np.abs(list(errors.values()))))


def main() -> None:
    """Print the terms, and how well rows are predicted that had no part in them."""
    for column in TERMS:
        found = fit(column)
        print(column, ", ".join(f"{term} {value:.3g} s" for term, value in found.seconds.items()))
        for kind, errors in (
            ("fitted to", found.fitted_errors),
            ("held out", found.held_out_errors),
        ):
            for name, error in errors.items():
                print(f"  {kind}: {name}: {error:+.0%}")
            print(f"  {kind}: mean {mean_error(errors):.0%}")


if __name__ == "__main__":
    main()
