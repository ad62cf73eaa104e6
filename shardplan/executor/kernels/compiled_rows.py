"""Compiled loops over rows, where numba is installed; without it PyTorch's kernels serve."""

from __future__ import annotations

import math
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from shardplan.executor.kernels.row_members import RowMembers
from shardplan.executor.kernels.shares import in_shares
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.executor.tensors.tensor import Tensor

_MOST = 2**31 - 1
"""Rows and ids that are counted in 32 bits."""
_NONE = torch.empty(0)


class CompiledRows:
    """What a step does to the rows of a batch, in loops that fill nothing but their result.

    Tensors are on the CPU, and numbers are fp32. Gradients are added in the order in which
    PyTorch's kernels add them, and come to the same bits.
    """

    def __init__(self, loops: Any) -> None:
        """Compile ``loops``, or read what was compiled before, so that no step has to."""
        self._loops = loops
        self._kinds = {
            Optimizer.SGD: loops.SGD,
            Optimizer.ADAGRAD: loops.ADAGRAD,
            Optimizer.ROWWISE_ADAGRAD: loops.ROWWISE_ADAGRAD,
            Optimizer.ADAM: loops.ADAM,
        }
        one, number = torch.ones(1, dtype=torch.int64), torch.ones((1, 1))
        _, order, offsets = self.sort(one - 1, 1)
        of_rows = RowMembers(number, self.numbers(one - 1, one, order), offsets)
        self.squares(self.sums(of_rows, 0, 1))
        self.update(OptimizerSettings(Optimizer.SGD), 1, one - 1, of_rows, None, 1, number, [])

    def sorts(self, ids: Tensor, rows: int) -> bool:
        """Whether it can sort these ids of a store of that many rows."""
        return bool(ids.device.type == "cpu" and max(ids.numel(), rows) <= _MOST)

    def sort(self, ids: Tensor, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """(U,) int64 distinct rows, ascending; (n,) int32 the place of each sorted id, stably.

        And (U + 1,) int64, where each row's ids begin among the sorted ones.
        """
        pairs = np.empty((2, ids.numel()), np.uint64)
        bits = (rows - 1).bit_length()
        which, differ = self._loops.sort_pairs(_array(ids.to(torch.int32)), bits, pairs)
        rows_of_ids, order = np.empty(differ, np.int64), np.empty(ids.numel(), np.int32)
        offsets = np.empty(differ + 1, np.int64)
        self._loops.runs_of_pairs(pairs[which], rows_of_ids, order, offsets)
        return torch.from_numpy(rows_of_ids), torch.from_numpy(order), torch.from_numpy(offsets)

    def numbers(self, bags: Tensor, lengths: Tensor, order: Tensor) -> Tensor:
        """(n,) int32: of each id the number of its bag, ids in ``order``.

        ``bags`` (bags,) int64 are the numbers, and ``lengths`` how many ids each bag has.
        """
        room, found = np.empty((2, order.numel()), np.int32)
        self._loops.numbers_of_rows(*map(_array, (bags, lengths, order)), room, found)
        return torch.from_numpy(found)

    def sums(self, of_rows: RowMembers, first: int, end: int, sums: Tensor | None = None) -> Tensor:
        """(end - first, columns): of each of these rows the sum of its gradients.

        ``sums`` is filled, where it is given.
        """
        if sums is None:
            sums = torch.empty((end - first, of_rows.gradients.shape[1]))
        given, out = _members(of_rows), sums.numpy()

        def loop(start: int, stop: int) -> None:
            self._loops.sum_by_row(first + start, first + stop, first, *given, out)

        in_shares(loop, given[-1][first : end + 1], out.shape[1])
        return sums

    def squares(self, sums: Tensor) -> Tensor:
        """(rows,): the sum of squares of each row."""
        squares = np.empty(len(sums), np.float32)
        self._loops.squares_by_row(_array(sums), squares)
        return torch.from_numpy(squares)

    def update(
        self,
        settings: OptimizerSettings,
        step: int,
        rows: Tensor,
        of_rows: RowMembers,
        squares: Tensor | None,
        dim: int,
        weights: Tensor,
        state: Sequence[Tensor],
    ) -> None:
        """Sum the gradients of distinct rows, and let the optimizer run over these.

        ``squares`` (U,) are those of row-wise Adagrad, summed over the ``dim`` columns of the
        table; None where all of them are here. ``state`` is in the order of its names.
        """
        given = _members(of_rows)
        numbers = np.array(_numbers(settings, step), np.float32)
        scale, columns = np.float32(of_rows.scale), np.float32(dim)
        # As they lie: what is written to a copy would be lost.
        fields = [each.numpy() for each in (weights, *state, _NONE.view(0, 1), _NONE.view(0, 1))]
        rest = (_array(_NONE if squares is None else squares), columns, *fields[:3], numbers)
        kind, each = self._kinds[settings.kind], _array(rows)

        def loop(start: int, stop: int) -> None:
            self._loops.update_rows(start, stop, kind, each, *given, scale, *rest)

        in_shares(loop, given[-1], weights.shape[1])

    def change(
        self,
        settings: OptimizerSettings,
        step: int,
        state: Sequence[Tensor],
        gradient: Tensor,
        mean_squares: Tensor | None,
    ) -> Tensor:
        """What the weights of rows change by, of which (U, columns) ``gradient`` is the sum.

        ``state`` are these rows' alone, and updated in place.
        """
        changes, rows = torch.zeros_like(gradient), torch.arange(len(gradient))
        of_rows = RowMembers(gradient, rows.to(torch.int32), torch.arange(len(gradient) + 1))
        self.update(settings, step, rows, of_rows, mean_squares, 1, changes, state)
        return changes


@cache
def compiled_rows() -> CompiledRows | None:
    """Those of this process; None where numba is not installed, or cannot compile."""
    if find_spec("numba") is None or np.dtype(np.intp).itemsize < 8:
        return None
    try:
        numba = import_module("numba")
    except ImportError:  # It is for other versions of Python or NumPy.
        return None
    if numba.config.DISABLE_JIT:
        return None
    try:
        return CompiledRows(import_module("shardplan.executor.kernels.row_loops"))
    except (numba.core.errors.NumbaError, RuntimeError, OSError):  # LLVM's; the disk is full.
        return None


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().contiguous().numpy()  # type: ignore[no-any-return]


def _members(of_rows: RowMembers) -> tuple[NDArray[Any], ...]:
    factors = _NONE if of_rows.factors is None else of_rows.factors
    return (*map(_array, (of_rows.gradients, of_rows.numbers, factors, of_rows.offsets)),)


def _numbers(settings: OptimizerSettings, step: int) -> list[float]:
    """The settings of a step as the loops want them."""
    rate, beta1, beta2 = settings.learning_rate, settings.beta1, settings.beta2
    correction = 1.0
    if settings.kind is Optimizer.ADAM:
        rate, correction = rate / (1 - beta1**step), math.sqrt(1 - beta2**step)
    return [rate, settings.eps, correction, beta1, 1 - beta1, beta2, 1 - beta2]
