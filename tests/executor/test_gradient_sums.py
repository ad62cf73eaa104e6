"""Sums of gradients by nodes, and of the largest numbers alone."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from random_specs import TOPOLOGY
from test_native_engine import plan_of, run_engine
from training_case import TrainingCase, contents, mesh_of, sharded, table_of, train_sharded, trained

from shardplan.executor.checkpoint.checkpoint import load_checkpoint, save_checkpoint
from shardplan.executor.exchange.gradient_sums import GradientSums
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.plan_view import view_plan
from shardplan.plan.file.read import parse_plan
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from rank_group import RankGroup

FLAT, HIERARCHICAL = ReductionAlgorithm.FLAT, ReductionAlgorithm.HIERARCHICAL
TENTH = 0.1
ROUNDS, NUMBERS = 4, 103


def numbers_of(rank: int, turn: int, count: int) -> NDArray[np.float32]:
    random = np.random.default_rng([rank, turn])
    return random.normal(size=count).astype(np.float32)


def summed(reduction: Reduction, local: int, count: int) -> tuple[Any, Any]:
    """On one rank: the sums of each round, and what is left unsent in the end."""
    mesh = mesh_of(local)
    sums, found = GradientSums(mesh, reduction), []
    rest = torch.zeros(count)
    for turn in range(ROUNDS):
        values = torch.from_numpy(numbers_of(mesh.rank, turn, count)) + rest
        sums.sum(values, lambda kept=values: rest.copy_(kept), "sums")
        found.append(values.numpy().copy())
    return found, rest.numpy().copy()


def largest(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The same with zeros in place of all but so many."""
    kept = np.argsort(-np.abs(values))[:count]
    found = np.zeros_like(values)
    found[kept] = values[kept]
    return found


def expected_sums(count: int) -> list[NDArray[np.float32]]:
    """Of two nodes of two ranks, whose sums are sent in two parts by a rank of each."""
    parts = np.array_split(np.arange(count), 2)
    rests = np.zeros((4, count), np.float32)
    found = []
    for turn in range(ROUNDS):
        values = [numbers_of(rank, turn, count) + rests[rank] for rank in range(4)]
        of_nodes = [values[0] + values[1], values[2] + values[3]]
        total, rests = np.zeros(count, np.float32), np.zeros((4, count), np.float32)
        for node, of_node in enumerate(of_nodes):
            for place, part in enumerate(parts):
                sent = largest(of_node[part], -(-len(part) // 10))
                total[part] += sent
                rests[2 * node + place][part] = of_node[part] - sent
        found.append(total)
    return found


def test_by_nodes_the_largest_numbers_of_each_nodes_sum_are_summed(
    rank_group: Callable[[int], RankGroup],
) -> None:
    answers = rank_group(4).run(summed, Reduction(HIERARCHICAL, TENTH), 2, NUMBERS)
    for found, _ in answers:
        np.testing.assert_allclose(found, expected_sums(NUMBERS), rtol=0, atol=1e-6)


@pytest.mark.parametrize("algorithm", [FLAT, HIERARCHICAL])
@pytest.mark.parametrize("count", [0, 3, NUMBERS])
def test_nothing_is_lost_and_all_ranks_have_the_same_bits(
    algorithm: ReductionAlgorithm, count: int, rank_group: Callable[[int], RankGroup]
) -> None:
    """What was summed and what is left are together all that was to be summed."""
    answers = rank_group(4).run(summed, Reduction(algorithm, TENTH), 2, count)
    first = np.array(answers[0][0])
    assert all(np.array(found).tobytes() == first.tobytes() for found, _ in answers)
    given = sum(numbers_of(rank, turn, count) for rank in range(4) for turn in range(ROUNDS))
    left = sum(rest for _, rest in answers)
    np.testing.assert_allclose(first.sum(0) + left, given, rtol=0, atol=1e-5)
    if count == NUMBERS:
        assert all(0 < np.count_nonzero(turn) <= 44 for turn in first)


def mixed(reduction: Reduction, optimizer: str = "sgd") -> TrainingCase:
    """Data-parallel tables of two widths, beside one that is cut by rows."""
    tables = (
        table_of("a", 300, 8, "data_parallel", 4, 2, features=2),
        table_of("b", 40, 4, "data_parallel", 4, 2),
        table_of("c", 64, 8, "row_wise", 4, 2),
    )
    return TrainingCase(tables, 4, 2, OptimizerSettings(optimizer, 0.1), reduction=reduction)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_sums_by_nodes_train_as_flat_ones_to_rounding(
    optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    """The weights of 2 x 2 ranks after five steps, and the same bits on all ranks."""
    cases = [replace(mixed(Reduction(FLAT), optimizer), linear=False, steps=5)]
    cases.append(replace(cases[0], reduction=Reduction(HIERARCHICAL)))
    flat, by_nodes = (rank_group(4).run(train_sharded, case) for case in cases)
    for one, other in zip(flat, by_nodes, strict=True):
        for (name, _, fields), (_, _, others) in zip(one.shards, other.shards, strict=True):
            np.testing.assert_allclose(
                others["weight"], fields["weight"], rtol=0, atol=1e-6, err_msg=name
            )
    for name in ("a", "b"):
        bits = {f["weight"].tobytes() for t in by_nodes for n, _, f in t.shards if n == name}
        assert len(bits) == 1


def learnt(all_reduce: dict[str, Any], group: RankGroup) -> NDArray[np.float64]:
    """The losses of 120 steps on two ranks, all tables data-parallel.

    Under Adagrad, for by SGD the tables learn next to nothing in so many steps.
    """
    training = {"optimizer": "adagrad", "all_reduce": all_reduce}
    wholly = [{"tables": "*", "sharding": ["data_parallel"]}]
    text = plan_of(2, "adagrad", "sparse_dist", training=training, constraints=wholly)
    return np.mean([losses for losses, _ in group.run(run_engine, text, 120)], axis=0)


def test_the_largest_tenth_learns_the_task_that_can_be_learnt(
    rank_group: Callable[[int], RankGroup],
) -> None:
    """Within 1% of the exact loss after 120 steps. Without the tables it would be 12% above."""
    exact, sparse = (learnt(each, rank_group(2)) for each in ({}, {"top_k": "10%"}))
    assert exact[-10:].mean() < exact[:10].mean() - 0.1
    assert sparse[-10:].mean() == pytest.approx(exact[-10:].mean(), rel=0.01)
    assert not np.allclose(sparse, exact, rtol=0, atol=1e-3)


def sent_by_plan(text: str) -> tuple[list[float], float]:
    """On one of the ranks: its losses, and the bytes of gradients that it sends in a step."""
    losses, found = run_engine(text, 5)
    return losses, found["sent_bytes"]["the sum of data-parallel gradients"]


def test_a_plan_of_two_nodes_is_summed_as_it_says(rank_group: Callable[[int], RankGroup]) -> None:
    """Losses by nodes are the flat ones; a hundredth of the numbers takes few of the bytes."""
    found = []
    for all_reduce in ({}, {"algorithm": "hierarchical"}, {"top_k": "1%"}):
        text = plan_of(
            4,
            "adagrad",
            "none",
            topology=TOPOLOGY,
            training={"optimizer": "adagrad", "all_reduce": all_reduce},
            constraints=[{"tables": "*", "sharding": ["data_parallel"]}],
        )
        found.append(rank_group(4).run(sent_by_plan, text))
    losses = [np.mean([each for each, _ in ranks], axis=0) for ranks in found]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-5)
    flat, _, sparse = (sum(sent for _, sent in ranks) for ranks in found)
    assert sparse < 0.05 * flat


def measured(text: str) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _, found = run_engine(text, 4)
    return found, [str(each.message) for each in told]


def test_memory_is_as_predicted_and_rank_0_says_what_changes(
    rank_group: Callable[[int], RankGroup],
) -> None:
    training = {"optimizer": "sgd", "pipeline": "none", "all_reduce": {"top_k": "10%"}}
    wholly = [{"tables": "*", "sharding": ["data_parallel"]}]
    text = plan_of(2, "sgd", "none", training=training, constraints=wholly)
    predicted = view_plan(parse_plan(text, "plan.json")).predicted_bytes
    answers = rank_group(2).run(measured, text)
    for rank, (found, _) in enumerate(answers):
        assert found["memory_bytes"]["hbm"] == pytest.approx(predicted[rank].hbm, rel=0.05)
        numbers = sum([3000, 4000, 300, 2500]) * 2 * 16
        assert found["memory_by_use"]["hbm"]["unsent gradients"] == 4 * numbers
    words = "top-k all-reduce changes what is learnt"
    assert [sum(words in each for each in told) for _, told in answers] == [1, 0]


def unsent(collection: Any) -> list[Any]:
    return [rest.numpy().copy() for _, rest in collection.replicated.rests]


def save_and_go_on(case: TrainingCase, folder: str) -> Any:
    collection = sharded(case)
    trained(case, collection)
    save_checkpoint(folder, 5, collection.mesh, {"sparse": collection})
    left = unsent(collection)
    trained(case, collection)
    return left, contents(collection)


def load_and_go_on(case: TrainingCase, folder: str) -> Any:
    collection = sharded(replace(case, seed=case.seed + 9))
    for _, rest in collection.replicated.rests:
        rest.fill_(7.0)
    load_checkpoint(f"{folder}/step-000000005", collection.mesh, {"sparse": collection})
    left = unsent(collection)
    trained(case, collection)
    return left, contents(collection)


def test_a_checkpoint_has_what_is_not_sent_yet(
    rank_group: Callable[[int], RankGroup], tmp_path: Path
) -> None:
    """Training goes on to the bits; where sums are exact from then on, all of it is left aside."""
    case = mixed(Reduction(top_k=TENTH), "adagrad")
    saved = rank_group(4).run(save_and_go_on, case, str(tmp_path))
    loaded = rank_group(4).run(load_and_go_on, case, str(tmp_path))
    for (left, held), (again, there) in zip(saved, loaded, strict=True):
        assert any(np.any(rest) for rest in left)
        assert [rest.tobytes() for rest in left] == [rest.tobytes() for rest in again]
        for (_, _, fields), (_, _, others) in zip(held, there, strict=True):
            assert {k: v.tobytes() for k, v in fields.items()} == {
                k: v.tobytes() for k, v in others.items()
            }
    exact = replace(case, reduction=Reduction())
    assert all(left == [] for left, _ in rank_group(4).run(load_and_go_on, exact, str(tmp_path)))


def test_sums_that_were_exact_leave_nothing_unsent(
    rank_group: Callable[[int], RankGroup], tmp_path: Path
) -> None:
    exact = mixed(Reduction(), "sgd")
    rank_group(4).run(save_and_go_on, exact, str(tmp_path))
    sparse = replace(exact, reduction=Reduction(top_k=TENTH))
    for left, _ in rank_group(4).run(load_and_go_on, sparse, str(tmp_path)):
        assert len(left) == 2
        assert not any(np.any(rest) for rest in left)
