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
RANKS = 2
FACTS: list[dict[str, Any] | None] = [
    None,
    {"kind": "sequence"},
    {"kind": "feature_processed"},
]
POOLED = (
    ShardingType.TABLE_WISE,
    ShardingType.COLUMN_WISE,
    ShardingType.ROW_WISE,
    ShardingType.DATA_PARALLEL,
)
APART = POOLED[:3]


@st.composite
def plans(draw: st.DrawFn) -> tuple[Any, str, list[str]]:
    """(plan, optimizer, tables that average) of one to four modules of one to three tables."""
    optimizer = draw(st.sampled_from(["sgd", "rowwise_adagrad"]))
    tables, decisions, modules, means = [], [], {}, []
    for number in range(draw(st.integers(1, 4))):
        path = f"m{number}"
        facts = draw(st.sampled_from(FACTS))
        if facts is not None:
            modules[path] = facts
        is_sequence = facts is not None and facts["kind"] == "sequence"
        dim = 8 * draw(st.integers(1, 2))
        for index in range(draw(st.integers(1, 3))):
            kinds = [
                kind
                for kind in (APART if is_sequence else POOLED)
                if optimizer == "sgd" or kind is not ShardingType.COLUMN_WISE
            ]
            kind = draw(st.sampled_from(kinds))
            rows = draw(st.integers(1, 40).filter(lambda r: row_split_is_legal(r, RANKS)))
            # Modules may have tables of one name, and read one feature.
            name = f"t{index}"
            features = draw(st.lists(st.sampled_from("fghi"), min_size=1, max_size=2, unique=True))
            taken = [f for each in tables if each["module"] == path for f in each["features"]]
            features = [f for f in features if f not in taken] or [f"{path}{name}"]
            tables.append(
                {"name": name, "module": path, "rows": rows, "dim": dim, "features": features}
                | {"pooling": [1] * len(features)}
            )
            decisions.append(_decision(draw, len(decisions), kind))
            if facts is None and draw(st.booleans()):
                means.append(f"{path}/{name}")
    case = case_of(tables, RANKS, optimizer, modules=modules)
    return plan_of(case, decisions), optimizer, means


def _decision(draw: st.DrawFn, index: int, kind: ShardingType) -> Decision:
    count = {ShardingType.TABLE_WISE: 1, ShardingType.COLUMN_WISE: 2}.get(kind, 0)
    places = tuple(draw(st.integers(0, RANKS - 1)) for _ in range(count))
    kernel = Kernel.DENSE if kind is ShardingType.DATA_PARALLEL else Kernel.FUSED
    return Decision(index, kind, kernel, max(1, count), places)


def test_random_models_that_mix_kinds_train_as_unsharded() -> None:
    with Crew(RANKS, RANKS) as crew:

        @examples(100)
        @given(plans())
        def holds(given: tuple[Any, str, list[str]]) -> None:
            plan, optimizer, means = given
            for found in crew.run("kind_jobs.train_beside_unsharded", plan, optimizer, means):
                assert max(found) < 2e-6

        holds()
