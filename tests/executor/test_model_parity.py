"""The native engine in the place of a model's EmbeddingBagCollections: the same, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torchrec")

import model_case
import torch
from model_case import ModelCase, plan_text

from shardplan.model.initial_weights import Normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup

    Group = Callable[[int], RankGroup]

pytestmark = pytest.mark.filterwarnings("ignore")
TEXT = plan_text(ModelCase())
CASES = {
    f"{name}, {optimizer}": ModelCase(optimizer, **more)
    for optimizer in ("sgd", "rowwise_adagrad")
    for name, more in {
        "sums": {},
        "means": {"pooling": "mean"},
        "weights": {"is_weighted": True},
    }.items()
}
HALVES = {
    f"{dtype}{', weights' if weighted else ''}": ModelCase(dtype=dtype, is_weighted=weighted)
    for dtype in ("fp16", "bf16")
    for weighted in (False, True)
}
"""By SGD at a rate that is a power of two every sum is exact, so that rounding cannot differ."""


@pytest.mark.parametrize("case", [*CASES.values(), *HALVES.values()], ids=[*CASES, *HALVES])
def test_outputs_and_weights_are_the_unsharded_models(case: ModelCase, rank_group: Group) -> None:
    """Within 1e-6 over five steps.

    The model lists its tables in another order than the plan, the batch its features in a third;
    two tables read one feature, and none reads another.
    """
    for outputs, weights in rank_group(2).run(model_case.compared, case, plan_text(case)):
        assert outputs <= 1e-6
        assert weights <= 1e-6


def test_bounds_of_initial_weights_are_kept_to(rank_group: Group) -> None:
    for low, high, least, most, lowest, highest in rank_group(2).run(model_case.constants, TEXT):
        assert low == high == 0.5
        assert 2 <= least < 2.1
        assert 2.9 < most <= 3
        assert 0.5 <= lowest < 0.6
        assert 1.9 < highest <= 2


def test_normal_weights_are_as_pytorch_draws_them_and_the_same_however_a_table_is_cut() -> None:
    """By mean, deviation and quantiles of 16,000 numbers, with and without bounds."""
    torch.manual_seed(0)
    init = torch.nn.init
    for initial, theirs in (
        (Normal(1.0, 0.5), init.normal_(torch.empty(16_000), 1.0, 0.5)),
        (
            Normal(1.0, 0.5, 0.9, 2.0),
            init.trunc_normal_(torch.empty(16_000), 1.0, 0.5, 0.9, 2.0),
        ),
    ):
        ours = model_case.drawn(initial, cut=False)
        assert torch.equal(ours, model_case.drawn(initial, cut=True))
        at = torch.tensor([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
        assert ours.view(-1).quantile(at).tolist() == pytest.approx(
            theirs.quantile(at).tolist(), abs=0.04
        )
        assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.03)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("init_fn", ["sparse.ebc.whole: EmbeddingBagCollection: init_fn orthogonal_ would give"]),
        ("weighted mean", ["sparse.ebc.rows: EmbeddingBagCollection: mean pooling of weighted"]),
        (
            "rates",
            [
                "sparse.ebc.copies: EmbeddingBagCollection: the model trains it with lr=0.5, the "
                "job with 0.01"
            ],
        ),
        ("dtype", ["plan.sparse.ebc.rows.dtype: fp32; the model has fp16"]),
        ("frozen", ["sparse.ebc.rows: EmbeddingBagCollection: its weights are frozen"]),
        ("on cpu", ["plan.sparse.ebc.rows: the model holds it whole on cpu"]),
        ("one rank", ["more: EmbeddingCollection: the plan has none of its tables (s)"]),
        (
            "all kinds",
            [
                "twin.ebc: EmbeddingBagCollection: the same module as sparse.ebc",
                "more: EmbeddingCollection: the plan has none of its tables (s)",
                "plain: EmbeddingBag: tables of another kind",
            ],
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name_on_every_rank(
    kind: str, wanted: list[str], rank_group: Group
) -> None:
    first, second = rank_group(2).run(model_case.refused, kind, TEXT)
    assert first == second
    for each in wanted:
        assert any(line.startswith(each) for line in first), first
    alone = len(wanted) > 1 or kind in ("one rank", "rates")
    assert len(first) == (len(wanted) if alone else 4)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("own sizes", "features with batches of their own size"),
        ("no weights", "the module weighs ids, and those of the batch have no weights"),
        ("wants a gradient", "weights of ids get no gradient here"),
        ("fractions", "ids are whole numbers; those of the batch are torch.float32"),
    ],
)
def test_a_batch_that_would_be_trained_wrongly_is_refused(
    kind: str, wanted: str, rank_group: Group
) -> None:
    for told in rank_group(2).run(model_case.told_of_batch, kind, TEXT):
        assert told.startswith(wanted)
