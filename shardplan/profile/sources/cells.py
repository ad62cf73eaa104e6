"""The cells of a line of text."""

from __future__ import annotations

import csv
import threading

_LONGEST = 2**31 - 1
_lock = threading.Lock()


def cells_of(line: str, delimiter: str = ",") -> list[str]:
    """The cells of a line of CSV, however long; csv's own limit is of the whole process."""
    with _lock:
        before = csv.field_size_limit(_LONGEST)
        try:
            return next(csv.reader([line], delimiter=delimiter), [])
        finally:
            csv.field_size_limit(before)
