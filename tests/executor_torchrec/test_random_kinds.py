"""Random models that mix kinds of modules, under random plans: trained as unsharded."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from effort import examples
from executor_plans import case_of, plan_of
from hypothesis import given
from hypothesis import strategies as st
from rank_crew import Crew

from shardplan.options.limits import row_split_is_legal
from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
EXAMPLES = {2: 100, 4: 60}
"""By ranks; a model takes longer the more there are."""
KINDS = ["bag", "sequence", "feature_processed"]
POOLED = (
    ShardingType.TABLE_WISE,
    ShardingType.COLUMN_WISE,
    ShardingType.ROW_WISE,
    ShardingType.DATA_PARALLEL,
)
APART = POOLED[:3]
"""Of sequences, and of features with batches of their own size."""


@st.composite
def plans(draw: st.DrawFn, ranks: int) -> tuple[Any, str, list[str]]:
    """(plan, optimizer, tables that average) of one to four modules of one to three tables.

    Modules have outputs in either format, and some half of the batch; in some models features are
    of requests that samples share, for which bags alone are made.
    """
    optimizer = draw(st.sampled_from(["sgd", "rowwise_adagrad"]))
    of_requests = draw(st.integers(0, 3)) == 0
    tables, decisions, modules, means = [], [], {}, []
    for number in range(draw(st.integers(1, 4))):
        path = f"m{number}"
        kind = "bag" if of_requests else draw(st.sampled_from(KINDS))
        modules[path] = {"kind": kind, "output_dtype": draw(st.sampled_from(["fp32", "fp16"]))}
        if not of_requests and draw(st.integers(0, 2)) == 0:
            modules[path]["batch"] = 0.5
        dim = 8 * draw(st.integers(1, 2))
        averages = st.booleans()
        if of_requests:  # one kernel of a rank looks up such
            averages = st.just(draw(averages))
        for index in range(draw(st.integers(1, 3))):
            cuts = [
                cut
                for cut in (APART if kind == "sequence" or of_requests else POOLED)
                if optimizer == "sgd" or cut is not ShardingType.COLUMN_WISE
            ]
            cut = draw(st.sampled_from(cuts))
            rows = draw(st.integers(1, 40).filter(lambda r: row_split_is_legal(r, ranks)))
            # Modules may have tables of one name, and read one feature.
            name = f"t{index}"
            features = draw(st.lists(st.sampled_from("fghi"), min_size=1, max_size=2, unique=True))
            taken = [f for each in tables if each["module"] == path for f in each["features"]]
            features = [f for f in features if f not in taken] or [f"{path}{name}"]
            tables.append(
                {"name": name, "module": path, "rows": rows, "dim": dim, "features": features}
                | {"pooling": [1] * len(features)}
            )
            decisions.append(_decision(draw, len(decisions), cut, ranks))
            if kind == "bag" and draw(averages):
                tables[-1]["pooling_type"] = "mean"
                means.append(f"{path}/{name}")
    batch = {"local": 64}
    if of_requests:
        read = sorted({feature for table in tables for feature in table["features"]})
        shared = draw(st.lists(st.sampled_from(read), min_size=1, unique=True))
        batch["features"] = dict.fromkeys(shared, 0.5)
    case = case_of(tables, ranks, optimizer, modules=modules, batch=batch)
    return plan_of(case, decisions), optimizer, means


def _decision(draw: st.DrawFn, index: int, kind: ShardingType, ranks: int) -> Decision:
    count = {ShardingType.TABLE_WISE: 1, ShardingType.COLUMN_WISE: 2}.get(kind, 0)
    places = tuple(draw(st.integers(0, ranks - 1)) for _ in range(count))
    kernel = Kernel.DENSE if kind is ShardingType.DATA_PARALLEL else Kernel.FUSED
    return Decision(index, kind, kernel, max(1, count), places)


@pytest.mark.parametrize("ranks", EXAMPLES)
def test_random_models_that_mix_kinds_train_as_unsharded(ranks: int) -> None:
    with Crew(ranks, 2) as crew:

        @examples(EXAMPLES[ranks])
        @given(plans(ranks))
        def holds(given: tuple[Any, str, list[str]]) -> None:
            plan, optimizer, means = given
            for found in crew.run("kind_jobs.train_beside_unsharded", plan, optimizer, means):
                assert max(found) < 2e-6

        holds()
