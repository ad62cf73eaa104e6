"""Modules with batches of their own size, from the spec to what is told of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from random_specs import TOPOLOGY

from shardplan import Settings, load, plan, verify
from shardplan.build_case import case_of_value
from shardplan.errors import InputError
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.report.detail_report import table_report
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.formulate import formulate

KINDS: list[dict[str, Any]] = [{"kind": "bag"}, {"kind": "sequence", "dedup": True}]


def spec(local: int, own: Any = None, kind: dict[str, Any] = KINDS[0]) -> dict[str, Any]:
    """A module of two tables, with its own batch if that is said."""
    return {
        "batch": {"local": local},
        "topology": copy.deepcopy(TOPOLOGY),
        "modules": {"m": {**kind, **({} if own is None else {"batch": own})}},
        "defaults": {"dim": 16, "module": "m"},
        "tables": [
            {"name": "a", "rows": 5_000, "pooling": 12, "cap": 30, "access": {"zipf": 1.1}},
            {"name": "b", "rows": 900, "features": ["f", "g"], "pooling": [1, 2]},
        ],
    }


@pytest.mark.parametrize("kind", KINDS, ids=["bag", "sequence"])
@pytest.mark.parametrize("own", [0.25, "25%", {"share": "25%"}, {"local": 16}, {"global": 64}])
def test_a_module_costs_what_its_own_batch_alone_would(own: Any, kind: dict[str, Any]) -> None:
    """In every phase and tier of memory, whatever the option, however the batch is written."""
    ours, theirs = case_of_value(spec(64, own, kind), "s"), case_of_value(spec(16, None, kind), "s")
    options = [formulate(case).options for case in (ours, theirs)]
    found = ours.cost_model.unit_costs(options[0])
    expected = theirs.cost_model.unit_costs(options[1])
    np.testing.assert_allclose(found.load_seconds, expected.load_seconds, rtol=1e-12)
    np.testing.assert_allclose(found.memory_bytes, expected.memory_bytes, rtol=1e-12)
    assert (
        ours.cost_model.base_memory_bytes.tolist() == theirs.cost_model.base_memory_bytes.tolist()
    )


def test_shares_of_features_are_of_the_batch_of_their_module() -> None:
    value = spec(64, 0.5)
    value["batch"]["features"] = {"g": 0.5}
    b = case_of_value(value, "s").workload.tables[1]
    assert b.shares == (0.5, 0.25)
    assert b.ids_per_sample == 0.5 * 1 + 0.25 * 2


@pytest.fixture(scope="module")
def planned() -> Any:
    return plan(load(spec(64, 0.25)), Settings(method="greedy"))


def test_a_plan_states_the_batch_and_is_right(planned: Any) -> None:
    again = parse_plan(render(planned), "plan.json")
    assert again.collection_of("m").batch_share == 0.25
    assert verify(again) == ()


def test_another_batch_than_the_spec_has_is_found(planned: Any) -> None:
    other = planned.modules["m"].model_copy(update={"batch_share": 0.5})
    (found, *_) = verify(planned.model_copy(update={"modules": {"m": other}}))
    assert found.where == "modules.m.batch_share"
    assert found.message == "is 0.5; by the spec it is 0.25"


def test_a_table_is_told_with_the_batch_of_its_module(planned: Any) -> None:
    study = Study.of(planned, "plan.json", load(spec(64, 0.25)))
    title = table_report(table_detail(study, "b")).title
    assert "3 ids per sample of f (0.25 of the batch), g (0.25 of the batch)" in title


@pytest.mark.parametrize(
    ("own", "where", "words"),
    [
        (1.5, "modules.m.batch", "must be"),
        ({"local": 65}, "modules.m.batch.local", "a step has 256 samples on all devices"),
        ({"global": 1024}, "modules.m.batch.global", "a step has 256 samples on all devices"),
        ({"global": 66}, "modules.m.batch.global", "66 samples are no whole number on each of 4"),
        ({"local": 8, "global": 32}, "modules.m.batch", "must have exactly one of"),
        ({}, "modules.m.batch", "must have exactly one of"),
    ],
)
def test_what_is_no_batch_of_a_module_is_refused(own: Any, where: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        load(spec(64, own))
    (fault,) = error.value.diagnostics
    assert fault.path == where
    assert words in fault.message
