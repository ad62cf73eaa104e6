"""What ``check`` says of constraints that leave a table none of the options of the enumeration."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from shardplan.build_case import build_case
from shardplan.errors import InputError
from shardplan.options.enumerate import enumerate_options
from shardplan.planning.contradictions import contradictions
from shardplan.planning.offered import offer_of
from shardplan.spec.load import spec_from_value

if TYPE_CHECKING:
    from shardplan.diagnostics import Diagnostic


def _spec(
    constraints: list[dict[str, Any]], dim: int = 64, nodes: int = 2, **table: Any
) -> dict[str, Any]:
    plain = {"rows": 100_000, "dim": dim, "pooling": 3}
    return {
        "batch": {"local": 256},
        "topology": {"name": "dgx-h100", "nodes": nodes},
        "training": {"optimizer": "sgd", "hot_rows": True},
        "tables": [
            {"name": "t", "ids": "by_frequency", **plain, **table},
            {"name": "u", **plain},
        ],
        "constraints": constraints,
    }


def _found(value: dict[str, Any]) -> tuple[Diagnostic, ...]:
    loaded = spec_from_value(value, "spec")
    return contradictions(loaded, build_case(loaded))


@pytest.mark.parametrize(
    ("dim", "demand", "key"),
    [
        (64, {"nodes": [1], "ranks": [0]}, "nodes"),
        (64, {"ranks": [0], "hot_rows": 64}, "hot_rows"),
        (64, {"nodes": [0], "hot_rows": 64}, "hot_rows"),
        (64, {"nodes": [0], "sharding": "row_wise"}, "nodes"),
        (64, {"ranks": [0], "sharding": "table_row_wise"}, "ranks"),
        (64, {"column_blocks": [32, 36]}, "column_blocks"),
        (30, {"column_blocks": [16, 14]}, "column_blocks"),
        (148, {"column_shards": 2}, "column_shards"),
        (4, {"sharding": "column_wise"}, "sharding"),
        (64, {"hot_rows": 100_000}, "hot_rows"),
    ],
)
def test_a_demand_that_leaves_no_way_is_told_at_its_key(
    dim: int, demand: dict[str, Any], key: str
) -> None:
    (fault,) = _found(_spec([{"tables": "t", **demand}], dim))
    assert (fault.path, fault.code) == (f"constraints[0].{key}", "contradiction")
    assert fault.message == "table 't' is left no way to be sharded by constraints[0]"
    assert f"{key} of constraints[0]" in fault.hint


def test_demands_of_two_constraints_are_told_at_the_last() -> None:
    apart = {"tables": "*", "apart": True}
    (fault,) = _found(_spec([apart, {"tables": "t", "hot_rows": 64}]))
    assert fault.path == "constraints[1].hot_rows"
    assert fault.hint.startswith("change apart of constraints[0] or hot_rows of constraints[1]: ")


def test_tables_that_fail_alike_are_told_once() -> None:
    (fault,) = _found(_spec([{"tables": "*", "ranks": [0], "sharding": "row_wise"}]))
    assert fault.message.startswith("tables 't' and 1 more are left no way to be sharded by ")


@pytest.mark.parametrize(
    ("demand", "table"),
    [
        ({"hot_rows": 99_999}, {}),
        ({"hot_rows": 64}, {"ids": "hashed", "hot_ids": 64}),
        ({"ranks": [0], "column_shards": 1}, {}),
        ({"column_blocks": [16, 16]}, {"dim": 30}),
    ],
)
def test_demands_that_leave_a_way_are_none(demand: dict[str, Any], table: dict[str, Any]) -> None:
    assert _found(_spec([{"tables": "t", **demand}], **table)) == ()


def test_no_constraint_is_at_fault_where_a_table_has_no_way_without_it() -> None:
    assert _found(_spec([{"tables": "t", "ranks": [0, 1]}], dim=4098, rows=3)) == ()


def test_a_table_is_told_of_where_the_enumeration_has_no_option_of_it() -> None:
    """Of all pairs of some demands, those that the spec alone does not refuse."""
    demands: list[dict[str, Any]] = [
        {"nodes": [1]}, {"ranks": [0, 1]}, {"column_shards": 2}, {"min_width": 48},
        {"hot_rows": 64}, {"kernels": "fused_uvm_caching"}, {"load_factor": "20%"},
        {"sharding": "table_column_wise"}, {"sharding": "hot_table_wise"}, {"hbm_only": True},
    ]  # fmt: skip
    told = 0
    for first, second in product(demands, demands):
        value = _spec([{"tables": "t", **first}, {"tables": "t", **second}])
        loaded = spec_from_value(value, "spec")
        try:
            case = build_case(loaded)
        except InputError:
            continue
        options = enumerate_options(
            case.workload, case.topology.world, case.constraints, offer_of(case)
        )
        is_told = bool(contradictions(loaded, case))
        assert is_told == (0 not in options.table), (first, second)
        told += is_told
    assert told
