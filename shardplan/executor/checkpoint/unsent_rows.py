"""What ranks have not sent of replicated rows, in a checkpoint: by row, whatever the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from shardplan.executor.checkpoint.held_tensor import HeldTensor, whole
from shardplan.executor.checkpoint.number_formats import DTYPE_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.executor.checkpoint.index import StoredTensor
    from shardplan.executor.tensors.tensor import Tensor

_UNSENT = "unsent/"
"""What names of gradients begin with that a rank has not sent yet, where sums are not exact."""
_ROWS = "rows/"
"""What follows it in names of the rows that they belong to: where ranks have numbers."""


def is_unsent(name: str) -> bool:
    """Whether a tensor of a checkpoint is what a rank has not sent, or says of which rows."""
    return name.startswith(_UNSENT)


@dataclass(frozen=True, eq=False, slots=True)
class UnsentRows:
    """Of one table, what this rank has not sent."""

    table: str
    """``module/table``."""
    rank: int
    table_rows: int
    """Of the whole table."""
    ids: Tensor | None
    """(rows,) int64: which of the table's rows they are; None where they are all."""
    values: Tensor
    """(rows, dim) fp32."""

    def held(self) -> dict[str, HeldTensor]:
        """What a checkpoint has of it, by name."""
        found = {self._name: whole(self.values)}
        return found if self.ids is None else found | {self._rows_name: whole(self.ids)}

    def targets(self, stored: Mapping[str, StoredTensor]) -> dict[str, HeldTensor]:
        """What to read of a checkpoint before ``take``, by name.

        Nothing where the checkpoint has none of it, or does not say of which rows it is.
        """
        there, rows = stored.get(self._name), stored.get(self._rows_name)
        if there is None or len(there.shape) != 2 or there.shape[1] != self.values.shape[1]:
            return {}
        count = there.shape[0]
        if rows is None and count == self.table_rows:
            # A whole table's are read in place.
            values = self.values if self.ids is None else _empty(there)
            return {self._name: whole(values)}
        if rows is not None and rows.shape == (count,):
            return {self._name: whole(_empty(there)), self._rows_name: whole(_empty(rows))}
        return {}

    def take(self, stored: Mapping[str, StoredTensor], read: Mapping[str, HeldTensor]) -> int:
        """Go on from what was read: each row from its own, and from zeros where there is none.

        Returns how many rows a checkpoint has gradients of that have no place here.
        """
        if self._name not in read:
            self.values.zero_()
            return stored[self._name].shape[0] if self._name in stored else 0
        values = read[self._name].chunks[0].values
        if values is self.values:
            return 0
        there = _ids_of(read.get(self._rows_name), len(values))
        here = torch.arange(self.table_rows) if self.ids is None else self.ids
        there, order = there.sort(stable=True)
        if not len(there):
            self.values.zero_()
            return 0
        place = torch.searchsorted(there, here).clamp(max=len(there) - 1)
        is_there = there[place] == here
        found = torch.where(is_there.unsqueeze(1), values[order[place]], 0.0)
        self.values.copy_(found)
        is_lost = values.any(1)
        is_lost[order[place[is_there]]] = False
        return int(is_lost.sum())

    @property
    def _name(self) -> str:
        return f"{_UNSENT}{self.rank:05d}/{self.table}"

    @property
    def _rows_name(self) -> str:
        return f"{_UNSENT}{_ROWS}{self.rank:05d}/{self.table}"


def _ids_of(rows: HeldTensor | None, count: int) -> Tensor:
    return torch.arange(count) if rows is None else rows.chunks[0].values.long()


def _empty(stored: StoredTensor) -> Tensor:
    return torch.empty(stored.shape, dtype=DTYPE_OF[stored.dtype])
