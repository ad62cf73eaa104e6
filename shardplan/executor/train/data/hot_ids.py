"""Which ids of the samples are hot: read from files, one for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.workload.drawn.hot_ids_file import HOT_IDS_SUFFIXES, read_hot_ids

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.diagnostics import Diagnostic
    from shardplan.executor.planned.plan_view import PlanView


def read_hot_ids_of_tables(folder: Path, view: PlanView) -> dict[str, NDArray[np.int64]]:
    """Of tables that keep hot rows, the ids in ``module/table.npy``, ``.parquet`` or ``.csv``,
    hottest first.

    Tables without a file are left out. Raises InputError with what is wrong with all the files.
    """
    found: dict[str, NDArray[np.int64]] = {}
    faults: list[Diagnostic] = []
    for table in view.tables:
        paths = [folder / table.module / f"{table.name}{end}" for end in HOT_IDS_SUFFIXES]
        path = next((each for each in paths if each.exists()), None)
        if path is None or not table.keeps_hot_rows:
            continue
        try:
            found[f"{table.module}/{table.name}"] = read_hot_ids(path)
        except InputError as error:
            faults += error.diagnostics
    if faults:
        raise InputError(faults)
    return found
