"""Which ids of the samples are hot: read from files, one for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from shardplan.executor.planned.plan_view import PlanView


def read_hot_ids(folder: Path, view: PlanView) -> dict[str, NDArray[np.int64]]:
    """Of tables that keep hot rows, the ids in ``module/table.npy``, hottest first.

    Tables without a file are left out. Raises InputError for files that are no such arrays.
    """
    found: dict[str, NDArray[np.int64]] = {}
    faults = []
    for table in view.tables:
        path = folder / table.module / f"{table.name}.npy"
        if not table.keeps_hot_rows or not path.exists():
            continue
        try:
            found[f"{table.module}/{table.name}"] = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            hint = "write it by numpy.save: whole numbers, the hottest id first"
            faults.append(Diagnostic(str(path), 0, 0, "", str(error), hint, code="executor"))
    if faults:
        raise InputError(faults)
    return found
