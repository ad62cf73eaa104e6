"""``batch.features``: names and globs of features with batches of their own size."""

from __future__ import annotations

import pytest

from shardplan.errors import InputError
from shardplan.spec.build_workload import build_workload
from shardplan.spec.load import spec_from_value

TABLES = [
    {"name": "user_id", "rows": 1_000, "dim": 8},
    {"name": "user_tags", "rows": 1_000, "dim": 8, "pooling": 20},
    {"name": "item", "rows": 1_000, "dim": 8, "features": ["item_id", "user_last"], "pooling": 2},
]


def spec(features: dict[str, object]) -> dict[str, object]:
    return {
        "batch": {"local": 64, "features": features}, "topology": "dgx-h100", "tables": TABLES,
    }  # fmt: skip


def faults(features: dict[str, object]) -> list[tuple[str, str, str]]:
    try:
        found = spec_from_value(spec(features), "spec").faults
    except InputError as error:
        found = error.diagnostics
    return [(fault.path, fault.message, fault.hint) for fault in found]


def test_globs_mean_features_and_names_come_before_them() -> None:
    value = spec({"user_*": 0.1, "user_last": "50%"})
    tables = build_workload(spec_from_value(value, "spec").spec, 8).tables
    assert [table.batch_shares for table in tables] == [(0.1,), (0.1,), (1.0, 0.5)]
    assert [table.ids_per_sample for table in tables] == pytest.approx([0.1, 2.0, 3.0])
    assert [table.outputs_per_sample for table in tables] == pytest.approx([0.1, 0.1, 1.5])


def test_without_any_all_features_have_the_whole_batch() -> None:
    value = spec({"user_*": 1})
    tables = build_workload(spec_from_value(value, "spec").spec, 8).tables
    assert [table.batch_shares for table in tables] == [(), (), ()]
    assert [table.ids_per_sample for table in tables] == [1, 20, 4]


def test_a_resolved_spec_has_them_too() -> None:
    written = spec_from_value(spec({"user_*": 0.1}), "spec").spec.resolved()["batch"]
    assert written == {"local": 64, "features": {"user_*": 0.1}}


@pytest.mark.parametrize(
    ("features", "wanted"),
    [
        (
            {"usr_id": 0.1},
            ("batch.features.usr_id", "no feature matches 'usr_id'", "did you mean 'user_id'?"),
        ),
        (
            {"user_*": 0.1, "*_id": 0.2},
            (
                "batch.features.'*_id'",
                "the feature 'user_id' is meant by 'user_*' too",
                "write 'user_id' by itself, or make globs narrower",
            ),
        ),
    ],
)
def test_what_means_no_feature_or_two_batches_is_refused(
    features: dict[str, object], wanted: tuple[str, str, str]
) -> None:
    assert faults(features) == [wanted]


@pytest.mark.parametrize("share", [0, 1.5, -1, "ten"])
def test_shares_are_of_the_batch(share: object) -> None:
    ((path, _, _),) = faults({"user_*": share})
    assert path == "batch.features.'user_*'"


def with_table(**keys: object) -> dict[str, object]:
    """One of the tables has these keys too."""
    return spec({"user_id": 0.5}) | {"tables": [*TABLES[:2], TABLES[2] | keys]}


def test_poolings_of_a_sample_are_samples_of_its_own() -> None:
    """Of one feature two for each; a share of the batch, pooled three times, is three shares."""
    value = with_table(num_poolings=[1, 2])
    value["tables"][0] = TABLES[0] | {"num_poolings": 3}  # type: ignore[index]
    tables = build_workload(spec_from_value(value, "spec").spec, 8).tables
    assert [table.batch_shares for table in tables] == [(1.5,), (), (1, 2)]
    assert tables[2].ids_per_sample == 2 + 2 * 2
    assert tables[2].outputs_per_sample == 3


@pytest.mark.parametrize(
    ("keys", "where", "message"),
    [
        (
            {"num_poolings": 0.5},
            "tables[2].num_poolings",
            "must be at least 1 and at most 1,000,000 (got 0.5)",
        ),
        (
            {"num_poolings": [1, 1e9]},
            "tables[2].num_poolings[1]",
            "must be at least 1 and at most 1,000,000 (got 1000000000)",
        ),
        ({"num_poolings": [2]}, "tables[2].num_poolings", "has 1 numbers for 2 features"),
        (
            {"num_poolings": 2, "features": ["item_id", "user_id"]},
            "tables[2].num_poolings",
            "table 'user_id' reads 'user_id' too, pooled 1 times",
        ),
        (
            {"num_poolings": 2, "module": "seq"},
            "tables[2].num_poolings",
            "the rows of a module of the kind sequence are not pooled",
        ),
    ],
)
def test_poolings_that_mean_nothing_are_refused(
    keys: dict[str, object], where: str, message: str
) -> None:
    value = with_table(**keys) | {"modules": {"seq": {"kind": "sequence"}}}
    if "module" not in keys:
        del value["modules"]
    try:
        found = spec_from_value(value, "spec").faults
    except InputError as error:
        found = error.diagnostics
    assert (where, message) in [(fault.path, fault.message) for fault in found]
