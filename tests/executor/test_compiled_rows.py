"""Compiled loops over rows beside PyTorch's kernels: sorting, sums, squares, updates."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

import torch
from torch.nn import functional
from training_case import TrainingCase, sharded, table_of, trained

from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.kernels.compiled_rows import CompiledRows, compiled_rows
from shardplan.executor.kernels.row_members import RowMembers
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.tables.update_rule import UpdateRule
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.optimizers.trainable import native_optimizers

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup

WIDTHS = (1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 31, 48, 64, 66, 100, 127, 128, 192, 256, 301)
"""Of rows: all that vectors of one width or another begin, fill, or leave over."""

if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
    pytest.skip("numba is told to compile nothing", allow_module_level=True)


@pytest.fixture(scope="module")
def loops() -> CompiledRows:
    found = compiled_rows()
    assert found is not None
    return found


@dataclass(frozen=True)
class Batch:
    """Ids of a store, the gradients of their bags, and numbers by which they are multiplied."""

    rows: int
    gradients: Any
    members: RowMembers
    """Of each row of the store, in order; some rows may have none."""


def batch_of(rows: int, columns: int, seed: int, weighted: bool = False) -> Batch:
    random = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, 6, (rows,), generator=random)
    counts[0] = 40
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    ids = int(offsets[-1])
    gradients = torch.randn((50, columns), generator=random) / 16
    numbers = torch.randint(0, 50, (ids,), generator=random, dtype=torch.int32)
    factors = torch.randn(ids, generator=random) if weighted else None
    return Batch(rows, gradients, RowMembers(gradients, numbers, offsets, factors))


def by_pytorch(batch: Batch) -> Any:
    """(rows, columns): bags of rows, looked up among the gradients."""
    of = batch.members
    return functional.embedding_bag(
        of.numbers.long(), of.gradients, of.offsets,
        mode="sum", per_sample_weights=of.factors, include_last_offset=True,
    )  # fmt: skip


@pytest.mark.parametrize("rows", [1, 2, 200, 2048, 2049, 1 << 22, (1 << 31) - 1])
@pytest.mark.parametrize("count", [0, 1, 500, 40_000])
def test_ids_are_sorted_stably_by_row(loops: CompiledRows, rows: int, count: int) -> None:
    random = torch.Generator().manual_seed(count)
    few = torch.randint(0, rows, (max(1, count // 3),), generator=random)
    few[0] = rows - 1
    ids = few[torch.randint(0, len(few), (count,), generator=random)]
    distinct, order, offsets = loops.sort(ids, rows)
    expected, places, counts = np.unique(ids.numpy(), return_inverse=True, return_counts=True)
    assert distinct.tolist() == expected.tolist()
    assert order.tolist() == np.argsort(places, kind="stable").tolist()
    assert offsets.tolist() == [0, *counts.cumsum().tolist()]


def test_ids_know_the_number_of_their_bag(loops: CompiledRows) -> None:
    lengths, numbers = torch.tensor([2, 0, 3, 1]), torch.tensor([7, 8, 3, 9])
    order = torch.tensor([5, 0, 4, 2, 1, 3], dtype=torch.int32)
    assert loops.numbers(numbers, lengths, order).tolist() == [9, 7, 3, 3, 7, 3]


@pytest.mark.parametrize("columns", WIDTHS)
def test_sums_have_the_bits_of_those_of_embedding_bag(loops: CompiledRows, columns: int) -> None:
    batch = batch_of(60, columns, seed=columns)
    expected = by_pytorch(batch)
    assert torch.equal(loops.sums(batch.members, 0, 60), expected)
    assert torch.equal(loops.sums(batch.members, 7, 31), expected[7:31])


@pytest.mark.parametrize("columns", WIDTHS)
def test_gradients_count_by_the_weights_of_ids(loops: CompiledRows, columns: int) -> None:
    batch = batch_of(60, columns, seed=columns, weighted=True)
    found = loops.sums(batch.members, 0, 60)
    torch.testing.assert_close(found, by_pytorch(batch), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("columns", WIDTHS)
def test_squares_are_those_of_double_precision(loops: CompiledRows, columns: int) -> None:
    sums = torch.randn((9, columns), generator=torch.Generator().manual_seed(columns))
    expected = sums.double().square().sum(1).float()
    torch.testing.assert_close(loops.squares(sums), expected, rtol=1e-6, atol=0)


def updated(
    kind: Optimizer, columns: int, loops: CompiledRows | None, has_squares: bool
) -> tuple[Any, ...]:
    """Weights and state of a store after three steps over every third of its rows."""
    settings = OptimizerSettings(kind, 0.1, eps=1e-6)
    random = torch.Generator().manual_seed(columns)
    weights = torch.randn((90, columns), generator=random)
    state = {name: torch.zeros((90, of)) for name, of in settings.state_columns(columns).items()}
    rows = torch.arange(0, 90, 3)
    for step in (1, 2, 3):
        of = _with_no_empty_row(batch_of(30, columns, seed=step))
        squares = torch.rand(30, generator=random) if has_squares else None
        if loops is not None:
            loops.update(settings, step, rows, of, squares, columns, weights, [*state.values()])
            continue
        sums = by_pytorch(Batch(30, of.gradients, of)) * of.scale
        total = sums.square().sum(1) if squares is None else squares
        read = {name: field[rows] for name, field in state.items()}
        UpdateRule(settings, step).apply(read, sums, total / columns)
        weights[rows] += sums
        for name, field in read.items():
            state[name][rows] = field
    return weights, *state.values()


def _with_no_empty_row(batch: Batch) -> RowMembers:
    """As of rows that a batch reads."""
    of = batch.members
    offsets = of.offsets + torch.arange(batch.rows + 1)
    numbers = torch.arange(int(offsets[-1]), dtype=torch.int32) % 50
    return RowMembers(of.gradients, numbers, offsets, None, 0.5)


@pytest.mark.parametrize("has_squares", [False, True], ids=["own squares", "given squares"])
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("kind", native_optimizers())
def test_an_update_is_that_of_the_rule(
    loops: CompiledRows, kind: Optimizer, columns: int, has_squares: bool
) -> None:
    """Rows that nobody read keep their bits."""
    found = updated(kind, columns, loops, has_squares)
    for ours, theirs in zip(found, updated(kind, columns, None, has_squares), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
        unread = np.flatnonzero(np.arange(90) % 3)
        assert torch.equal(ours[unread], theirs[unread])


def test_the_number_of_threads_changes_no_bit(loops: CompiledRows) -> None:
    rows, columns, settings = 20_000, 64, OptimizerSettings(Optimizer.ROWWISE_ADAGRAD, 0.1)
    of = _with_no_empty_row(batch_of(rows, columns, seed=0))
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            weights, sums = torch.ones((rows, columns)), torch.zeros((rows, 1))
            every = torch.arange(rows)
            loops.update(settings, 1, every, of, None, columns, weights, [sums])
            found.append((weights, sums, loops.sums(of, 3, rows)))
    finally:
        torch.set_num_threads(1)
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("kind", native_optimizers())
def test_without_compiled_loops_training_comes_to_the_same(kind: Optimizer, dtype: str) -> None:
    """Half precision rounds to other numbers where fp32 lies between two: by one step of it."""
    within = {"fp32": 1e-6, "fp16": 2**-10, "bf16": 2**-7}[dtype]
    tables = [
        table_of("a", 40, 24, "table_wise", 1, 1, targets=(0,), features=2, dtype=dtype),
        table_of("b", 40, 24, "data_parallel", 1, 1, dtype=dtype),
    ]
    case = TrainingCase(tuple(tables), 1, 1, OptimizerSettings(kind, 0.1, eps=1e-4))
    found = []
    for forced in (False, True):
        mesh = Mesh(1)
        assert mesh.compiled is not None
        mesh.compiled = None if forced else mesh.compiled
        found.append(trained(case, sharded(case, mesh)).shards)
    for (_, _, ours), (_, _, theirs) in zip(*found, strict=True):
        for name, values in ours.items():
            np.testing.assert_allclose(values, theirs[name], rtol=within, atol=within)


SAYS_WHETHER = (
    "from shardplan.executor.kernels.compiled_rows import compiled_rows;"
    "print(compiled_rows() is not None)"
)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NUMBA_CACHE_DIR": "/proc/no/such/folder"}, "True"),
        ({"NUMBA_DISABLE_JIT": "1"}, "False"),
    ],
    ids=["nowhere to keep what is compiled", "told to compile nothing"],
)
def test_a_process_has_compiled_loops_unless_it_is_told_not_to(
    variables: dict[str, str], expected: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS_WHETHER], env=os.environ | variables,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (expected, "")


def has_loops_though_a_rank_lacks_them(lacking: int) -> bool:
    import torch.distributed as dist

    from shardplan.executor.exchange import mesh

    had = mesh.compiled_rows
    if dist.get_rank() == lacking:
        mesh.compiled_rows = lambda: None  # type: ignore[assignment]
    try:
        return Mesh(2, timeout_seconds=60.0).compiled is not None
    finally:
        mesh.compiled_rows = had


@pytest.mark.parametrize(("lacking", "expected"), [(-1, True), (0, False), (1, False)])
def test_all_ranks_have_the_same_loops(
    rank_group: Callable[[int], RankGroup], lacking: int, expected: bool
) -> None:
    found = rank_group(2).run(has_loops_though_a_rank_lacks_them, lacking)
    assert found == [expected] * 2
