"""Random plans of tables that are not pooled: sharded training against unsharded training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torchrec")

from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from sequence_case import SequenceCase
from test_sequence_parity import TYPES, check
from training_case import table_of

from shardplan.options.limits import row_split_is_legal
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup

pytestmark = pytest.mark.filterwarnings("ignore")
KERNELS = {
    "fused": None,
    "fused_uvm": None,
    "fused_uvm_caching": CacheEntry(load_factor=0.5),
}


@st.composite
def tables(draw: st.DrawFn, name: str, world: int) -> Any:
    """A table of any cut, into column shards of one width."""
    kind = draw(st.sampled_from(TYPES))
    blocks = world if kind == "row_wise" else 1
    rows = [each for each in range(1, 50) if row_split_is_legal(each, blocks)]
    shards = draw(st.integers(1, 3)) if kind == "column_wise" else 1
    count = {"table_wise": 1, "column_wise": shards}.get(kind, 0)
    kernel = "dense" if kind == "data_parallel" else draw(st.sampled_from([*KERNELS]))
    return table_of(
        name,
        draw(st.sampled_from(rows)),
        4 * shards * draw(st.integers(1, 2)),
        kind,
        world,
        world,
        targets=tuple(draw(st.integers(0, world - 1)) for _ in range(count)),
        column_shards=shards,
        features=draw(st.integers(1, 3)),
        kernel=kernel,
        cache=KERNELS.get(kernel),
    )


@st.composite
def cases(draw: st.DrawFn, world: int) -> SequenceCase:
    """Up to four tables, of none to a few samples."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 4)))]
    return SequenceCase(
        tuple(draw(tables(name, world)) for name in names),
        world,
        draw(st.sampled_from(["sgd", "rowwise_adagrad"])),
        dedup=draw(st.booleans()),
        output_dtype=draw(st.sampled_from(Dtype)),
        pipeline=draw(st.sampled_from([each for each in Pipeline if not each.course.dense_covers])),
        samples=draw(st.integers(1, 5)),
        steps=3,
        seed=draw(st.integers(0, 1000)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_random_sequences_train_like_unsharded_tables(
    world: int, rank_group: Callable[[int], RankGroup]
) -> None:
    @examples(25)
    @given(cases(world))
    def holds(case: SequenceCase) -> None:
        check(case, rank_group(world))

    holds()
