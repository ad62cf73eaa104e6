"""How well the cost models predict what was measured.

    python benchmarks/prediction.py [--processes 2] [--placements 30] [--format table|json]

(a) sets of tables on a CPU server: fitted on half of the published times, held against the others;
(b) the same for all-to-alls;
(c) with PyTorch installed: this machine is calibrated, then random placements are trained with
    real processes, and the measured step is held against the predicted one.

TorchRec's formulas, with its default constants, are held against the same times; since they were
made for other machines, they are also shown times the one factor that suits them best. In (c) every
second round of measurements is held against the others too: no model can do better than that. How
steps are timed beside other programs is told in trained_steps.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cpu_measurements import (
    ALL_TO_ALL_COSTS,
    BATCH,
    EMBEDDING_COSTS,
    measured_exchanges,
    measured_sets,
)
from report import as_markdown
from torchrec_formulas import exchange_seconds, set_seconds

from shardplan.calibrate.accuracy import Accuracy
from shardplan.calibrate.fit.curve_fit import fit_curve
from shardplan.calibrate.fit.kernel_fit import fit_kernel
from shardplan.calibrate.fit.relative_fit import relative_fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Positions = NDArray[np.int64]

HEADER = ("what", "model", "cases", "MAPE", "bias", "Spearman")
_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """One model held against measurements that it was not fitted to."""

    what: str
    model: str
    accuracy: Accuracy
    fitted: dict[str, Any] | None = None
    """What was fitted to the others."""


def halves(count: int, seed: int) -> tuple[Positions, Positions]:
    """Two random halves of that many measurements, as positions."""
    order = np.random.default_rng(seed).permutation(count)
    return order[: count // 2], order[count // 2 :]


def sets_of_tables(path: Path, ranks: int, seed: int) -> Iterator[Row]:
    """(a)."""
    what, measured = "sets of tables", measured_sets(path)
    fitted, held_out = halves(len(measured.sets), seed)
    chosen = [measured.sets[i] for i in fitted]
    fit = fit_kernel(chosen, measured.seconds[fitted], _PAGE_BYTES)
    predicted = fit.seconds([measured.sets[i] for i in held_out])
    yield Row(what, "shardplan", Accuracy.of(predicted, measured.seconds[held_out]), asdict(fit))
    torchrec = set_seconds(measured.sets, ranks)
    yield from _torchrec_rows(what, torchrec, measured.seconds, fitted, held_out)


def exchanges(path: Path, seed: int) -> Iterator[Row]:
    """(b)."""
    measured = measured_exchanges(path)
    fitted, held_out = halves(len(measured.columns), seed)
    mean, largest = measured.buffer_bytes.mean(axis=1), measured.buffer_bytes.max(axis=1)
    for what, phase, seconds in (
        ("all-to-all, forward", "output_comm", measured.forward_seconds),
        ("all-to-all, backward", "gradient_comm", measured.backward_seconds),
    ):
        curve = fit_curve(mean[fitted], largest[fitted], seconds[fitted])
        unequal = zip(mean[held_out], largest[held_out], strict=True)
        predicted = np.array([curve.seconds_of_unequal(*sizes) for sizes in unequal])
        yield Row(what, "shardplan", Accuracy.of(predicted, seconds[held_out]), asdict(curve))
        torchrec = exchange_seconds(measured.columns, BATCH, phase)
        yield from _torchrec_rows(what, torchrec, seconds, fitted, held_out)


def steps(ranks: int, count: int, budget_seconds: float, seed: int) -> Iterator[Row]:
    """(c)."""
    from trained_steps import trained_steps

    found = trained_steps(ranks, count, budget_seconds, seed)
    what, every = f"training steps, {ranks} processes", np.arange(count)
    measured = found.measured()
    yield Row(what, "shardplan", Accuracy.of(found.predicted, measured), found.residuals)
    yield from _torchrec_rows(what, found.torchrec, measured, every, every)
    again = found.measured(slice(0, None, 2)), found.measured(slice(1, None, 2))
    yield Row(what, "measured again", Accuracy.of(*again))


def cells(row: Row) -> tuple[str, ...]:
    """One row as text, in the order of ``HEADER``."""
    found = row.accuracy
    return (
        row.what,
        row.model,
        f"{found.count:,}",
        f"{found.mean_error:.1%}",
        f"{found.bias:+.1%}",
        f"{found.rank_correlation:.3f}",
    )


def _torchrec_rows(
    what: str, predicted: Values, seconds: Values, fitted: Positions, held_out: Positions
) -> Iterator[Row]:
    """As it is, and times the factor that suits the half that is fitted."""
    yield Row(what, "torchrec", Accuracy.of(predicted[held_out], seconds[held_out]))
    factor = relative_fit(predicted[fitted, None], seconds[fitted])[0]
    scaled = Accuracy.of(factor * predicted[held_out], seconds[held_out])
    yield Row(what, "torchrec, scaled", scaled, {"factor": factor})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--embedding-costs", type=Path, default=EMBEDDING_COSTS)
    parser.add_argument("--all-to-all-costs", type=Path, default=ALL_TO_ALL_COSTS)
    parser.add_argument("--ranks", type=int, default=4, help="processes of the published times")
    parser.add_argument("--processes", type=int, default=2, help="processes to train with")
    parser.add_argument("--placements", type=int, default=30, help="to train; 0 for none")
    parser.add_argument("--budget", type=float, default=120, help="seconds to calibrate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--json", type=Path, help="write all that is known to this file too")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    words = _arguments()
    rows = [
        *sets_of_tables(words.embedding_costs, words.ranks, words.seed),
        *exchanges(words.all_to_all_costs, words.seed),
    ]
    if words.placements and importlib.util.find_spec("torch"):
        rows += steps(words.processes, words.placements, words.budget, words.seed)
    text = json.dumps([asdict(row) for row in rows], indent=1) + "\n"
    if words.json:
        words.json.write_text(text, encoding="utf-8")
    print(text if words.format == "json" else as_markdown(HEADER, [cells(row) for row in rows]))


if __name__ == "__main__":
    main()
