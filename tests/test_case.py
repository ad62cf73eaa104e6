"""A case that is changed is the case of the changed spec, and shares what did not change."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest

from shardplan.build_case import case_of_value
from shardplan.errors import InputError
from shardplan.options.constraint import Constraint
from shardplan.planning.formulate import formulate
from shardplan.sharding.kind import ShardingType
from shardplan.spec.fields.amount import Amount
from shardplan.spec.objective import Objective
from shardplan.spec.spec import BatchSpec
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

SPEC = {
    "name": "as it is",
    "batch": {"local": 512},
    "topology": {"name": "dgx-h100", "nodes": 2},
    "training": {"optimizer": "adam"},
    "defaults": {"dim": 128},
    "tables": [
        {"name": "user_id", "rows": 4_000_000},
        {"name": "item_id", "rows": 20_000_000, "pooling": 20},
        {"name": "small", "rows": 1000},
        {"name": "tiny", "rows": 100, "dim": 16},
    ],
    "constraints": [
        {"tables": "*_id", "kernels": ["fused"]},
        {"tables": ["small", "tiny"], "together": True},
        {"tables": "user_id", "ranks": [8]},
    ],
}


@pytest.fixture(scope="module")
def case():
    return case_of_value(SPEC, "spec")


def updated(part, **values):
    return part.model_copy(update=values)


def more_nodes(case):
    return case.with_(machine=case.machine.with_nodes(4))


def more_hbm(case):
    return case.with_(machine=case.machine.with_hbm(96 * 2**30))


def another_batch(case):
    return case.with_(batch=BatchSpec(local=1024))


def a_leaner_optimizer(case):
    return case.with_(training=updated(case.spec.training, optimizer=Optimizer.SGD))


def narrower_numbers(case):
    first, *others = case.spec.tables
    return case.with_(tables=(updated(first, dtype=Dtype.FP16), *others))


def fewer_tables(case):
    return case.with_(tables=case.spec.tables[1:3])


def a_constraint_less(case):
    return case.with_(constraints=case.spec.constraints[1:])


def less_reserve(case):
    return case.with_(reserve=updated(case.spec.reserve, hbm=Amount(fraction=0.05)))


def another_objective(case):
    return case.with_(objective=Objective.BALANCE)


def edited_tables(spec):
    spec["tables"] = spec["tables"][1:3]
    spec["constraints"] = [
        spec["constraints"][0] | {"tables": ["item_id"]},
        spec["constraints"][1] | {"tables": ["small"]},
    ]


CHANGES = [
    (more_nodes, lambda spec: spec["topology"].update(nodes=4)),
    (
        more_hbm,
        lambda spec: spec["topology"]["device"]["hbm"].update(capacity=f"{96 * 2**30}B"),
    ),
    (another_batch, lambda spec: spec["batch"].update(local=1024)),
    (a_leaner_optimizer, lambda spec: spec["training"].update(optimizer="sgd")),
    (narrower_numbers, lambda spec: spec["tables"][0].update(dtype="fp16")),
    (fewer_tables, edited_tables),
    (a_constraint_less, lambda spec: spec["constraints"].pop(0)),
    (less_reserve, lambda spec: spec["reserve"].update(hbm="5%")),
    (another_objective, lambda spec: spec.update(objective="balance")),
]


@pytest.mark.parametrize(
    ("change", "edit"), CHANGES, ids=[change.__name__ for change, _ in CHANGES]
)
def test_a_changed_case_is_the_case_of_the_changed_spec(case, change, edit):
    spec = copy.deepcopy(case.resolved)
    edit(spec)
    changed, written = change(case), case_of_value(spec, "written")
    assert changed.resolved == written.resolved
    assert changed.workload == written.workload
    assert changed.constraints == written.constraints
    np.testing.assert_array_equal(changed.capacity.usable_bytes, written.capacity.usable_bytes)
    np.testing.assert_array_equal(changed.capacity.base_bytes, written.capacity.base_bytes)
    mine, theirs = formulate(changed).problem, formulate(written).problem
    np.testing.assert_array_equal(mine.load_seconds, theirs.load_seconds)
    np.testing.assert_array_equal(mine.device_bytes, theirs.device_bytes)
    np.testing.assert_array_equal(mine.domains, theirs.domains)


@pytest.mark.parametrize("change", [less_reserve, another_objective, a_constraint_less])
def test_what_costs_do_not_depend_on_leaves_them(case, change):
    changed = change(case)
    assert changed.workload is case.workload
    assert changed.cost_model is case.cost_model
    assert changed.topology is case.topology


def test_more_memory_and_more_nodes_go_together(case):
    machine = case.machine.with_hbm(96 * 2**30).with_nodes(3)
    assert (machine.topology.nodes, machine.topology.hbm.capacity_bytes) == (3, 96 * 2**30)


def test_what_is_demanded_besides_stays_with_its_tables_and_out_of_the_spec(case):
    forced = case.demanding(Constraint((1, 3), sharding=(ShardingType.ROW_WISE,), label="forced"))
    assert forced.resolved == case.resolved
    fewer = forced.with_(tables=case.spec.tables[1:3])
    assert [(each.tables, each.label) for each in fewer.constraints] == [
        ((0,), "constraints[0]"), ((1,), "constraints[1]"), ((0,), "forced"),
    ]  # fmt: skip


def test_ranks_that_a_smaller_machine_lacks_are_an_error(case):
    with pytest.raises(InputError, match=r"constraints\[2\]: there is no rank 8 among 8 devices"):
        case.with_(machine=case.machine.with_nodes(1))


def calls_to_keep_half(tables: int) -> int:
    """Python calls that a case of that many tables, all in one constraint, takes to lose half."""
    names = [f"t{index}" for index in range(tables)]
    spec = SPEC | {
        "tables": [{"name": name, "rows": 1000} for name in names],
        "constraints": [{"tables": names, "kernels": ["fused"]}],
    }
    case, calls = case_of_value(spec, "spec"), 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        case.with_(tables=case.spec.tables[: tables // 2], constraints=case.spec.constraints)
    finally:
        sys.setprofile(None)
    return calls


def test_to_keep_half_of_twice_the_tables_takes_twice_the_work():
    assert calls_to_keep_half(400) < 2.1 * calls_to_keep_half(200)
