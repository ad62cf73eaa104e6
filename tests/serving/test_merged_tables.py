"""Small tables merged: fewest for a budget of bytes, legal, and with the same outputs."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from served_specs import served

from shardplan.serving.merging import merge_program
from shardplan.serving.merging.joined_table import JoinedTable
from shardplan.serving.merging.merge import Merging, merge
from shardplan.serving.merging.mergeable import kin_of
from shardplan.serving.merging.merged_serving import merged_serving
from shardplan.serving.merging.piece import Piece, extra_bytes
from shardplan.serving.options.option_set import all_choices
from shardplan.serving.predict import predict
from shardplan.sharding.kernel import MemoryTier

ROOT = Path(__file__).parents[2]
MICROREC = json.loads((ROOT / "tests/data/serving/microrec_tables.json").read_text())


def microrec(name: str) -> list[Piece]:
    """The tables that MicroRec's authors released, in fp32."""
    return [Piece(0, rows, 4 * dim) for rows, dim, count in MICROREC[name] for _ in range(count)]


def stored(pieces: list[Piece]) -> int:
    return sum(each.rows * each.row_bytes for each in pieces)


def sizes_of(pieces: list[Piece], merging: Merging) -> list[int]:
    """Bytes of the tables that are left."""
    merged = {at for group in merging.groups for at in group}
    alone = [(at,) for at in range(len(pieces)) if at not in merged]
    return [
        sum(pieces[at].rows * pieces[at].row_bytes for at in group) + extra_bytes(pieces, group)
        for group in (*merging.groups, *alone)
    ]


def fits_in_rounds(name: str, sizes: list[int]) -> bool:
    """Whether each memory of MicroRec's device has as few tables as in its authors' design: the
    smallest on chip, the largest in DDR, the others in banks of HBM."""
    device, rounds = MICROREC["device"], MICROREC["rounds"][name]
    sizes = sorted(sizes)[device["on_chip_banks"] * rounds["on_chip"] :]
    in_hbm = sizes[: max(0, len(sizes) - device["ddr_channels"] * rounds["memory"])]
    places = device["hbm_banks"] * rounds["memory"]
    if len(in_hbm) > places:
        return False
    in_hbm = [0] * (places - len(in_hbm)) + in_hbm
    banks = [sum(in_hbm[bank :: device["hbm_banks"]]) for bank in range(device["hbm_banks"])]
    return max(banks) <= device["hbm_bank_bytes"]


@pytest.mark.parametrize(
    ("name", "tables", "share", "reached", "fewest", "most"),
    [("small", 42, 0.032, 0.0146, 41, 0.0316), ("large", 84, 0.019, 0.0047, 81, 0.0169)],
)
def test_merges_as_few_as_microrec_for_fewer_bytes(
    name, tables, share, reached, fewest, most
) -> None:
    pieces = microrec(name)
    total = stored(pieces)
    budget = int(share * total)
    asked = merge(pieces, budget, tables)
    assert asked.tables == tables
    assert round(asked.extra_bytes / total, 4) == reached
    assert asked.least_extra_bytes == pytest.approx(asked.extra_bytes)
    assert fits_in_rounds(name, sizes_of(pieces, asked))
    assert not fits_in_rounds(name, [each.rows * each.row_bytes for each in pieces])
    fewer = merge(pieces, budget)
    assert fewer.tables == fewer.least_tables == fewest
    assert round(fewer.extra_bytes / total, 4) == most


def partitions(left: tuple[int, ...]):
    """All ways to put positions into groups of one to three."""
    if not left:
        yield ()
        return
    first, rest = left[0], left[1:]
    for size in range(3):
        for others in combinations(rest, size):
            for more in partitions(tuple(at for at in rest if at not in others)):
                yield ((first, *others), *more)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("limit", [20_000, 5])
def test_no_way_to_merge_leaves_fewer_tables_or_takes_less(seed, limit, monkeypatch) -> None:
    """Against all ways, each tried; also where most groups are not looked at."""
    monkeypatch.setattr(merge_program, "_MOST_GROUPS", limit)
    rng = np.random.default_rng(seed)
    count = 7
    rows = rng.choice([1, 2, 3, 5, 8, 13, 40], count)
    pieces = [
        Piece(int(kin), int(r), 4 * int(dim))
        for kin, r, dim in zip(
            rng.integers(0, 1 + seed % 2, count), rows, rng.choice([2, 4, 8], count), strict=True
        )
    ]
    budget = int(rng.uniform(0.5, 8) * stored(pieces))
    ways = [
        (len(groups), sum(extra_bytes(pieces, group) for group in groups))
        for groups in partitions(tuple(range(count)))
        if all(len({pieces[at].kin for at in group}) == 1 for group in groups)
    ]
    best = min(way for way in ways if way[1] <= budget)
    found = merge(pieces, budget)
    assert len({at for group in found.groups for at in group}) == sum(map(len, found.groups))
    assert all(len({pieces[at].kin for at in group}) == 1 for group in found.groups)
    assert found.extra_bytes == sum(extra_bytes(pieces, group) for group in found.groups)
    assert found.extra_bytes <= budget
    assert found.least_tables <= best[0] <= found.tables
    as_few = min(extra for tables, extra in ways if tables <= found.tables)
    assert found.least_extra_bytes <= as_few * (1 + 1e-9) + 1e-6
    if limit > 5:
        assert (found.tables, found.extra_bytes) == best


def test_a_budget_of_nothing_merges_tables_of_one_row_alone() -> None:
    pieces = [Piece(0, 1, 16), Piece(0, 1, 32), Piece(0, 2, 16), Piece(0, 5, 16)]
    found = merge(pieces, 0)
    assert (found.groups, found.extra_bytes) == (((0, 1),), 0)
    assert merge([], 100).tables == 0


def test_outputs_of_merged_tables_are_the_same_bits() -> None:
    rng = np.random.default_rng(3)
    joined = JoinedTable((7, 5, 11), (4, 8, 2))
    weights = [
        rng.standard_normal((rows, dim)).astype(np.float32)
        for rows, dim in zip(joined.member_rows, joined.member_dims, strict=True)
    ]
    ids = [rng.integers(0, rows, 200) for rows in joined.member_rows]
    merged = joined.rows_of(weights)
    assert merged.shape == (joined.rows, joined.dim) == (385, 14)
    read = merged[joined.ids(ids)]
    for columns, of_table, asked in zip(joined.columns, weights, ids, strict=True):
        assert np.array_equal(read[:, columns], of_table[asked])


def test_ids_of_merged_tables_are_counted_in_64_bits() -> None:
    last = [np.array([rows - 1], dtype=np.int32) for rows in (100_000, 50_000)]
    assert JoinedTable((100_000, 50_000), (4, 4)).ids(last) == 100_000 * 50_000 - 1


SMALL = {"rows": 100, "dtypes": ["fp16", "int8"], "side": "user"}


@pytest.mark.parametrize(
    "other",
    [
        {"pooling": 2}, {"cap": 3}, {"features": ["a", "b"]}, {"weighted": True, "module": "other"},
        {"dtypes": ["int8"]}, {"padding": {"share": "10%"}},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_a_table_of_which_a_sample_reads_another_number_of_rows_is_left_alone(other) -> None:
    case = served(tables=[{"name": "t", **SMALL}, {"name": "u", **SMALL, **other}])
    plain, odd = case.serving.tables
    assert kin_of(plain) is not None
    assert kin_of(odd) is None
    assert merged_serving(case.serving, 1e6).merging.groups == ()


@pytest.mark.parametrize("other", [{"side": "item"}, {"dtype": "fp16"}, {"module": "other"}])
def test_only_tables_of_one_side_dtype_and_module_are_merged(other) -> None:
    tables = [{"name": "t", **SMALL}, {"name": "u", **SMALL, **other}, {"name": "v", **SMALL}]
    assert merged_serving(served(tables=tables).serving, 1e6).merging.groups == ((0, 2),)


def test_a_merged_model_looks_up_less_for_more_bytes() -> None:
    tables = [{"name": f"t{n}", "rows": 50, "dim": 4} for n in range(4)]
    tables.insert(2, {"name": "large", "rows": 1e6, "dim": 64})
    case = served(tables=tables, dtypes=["fp16"], quality={"loss_at_most": 1}, defaults={
        "dtype": "fp32", "quality_loss": {"fp16": 0.1}})  # fmt: skip
    merged = merged_serving(case.serving, 0.01, enough=3)
    assert [each.table.name for each in merged.serving.tables] == ["t0+t1", "large", "t2+t3"]
    assert merged.members == ((0, 1), (2,), (3, 4))
    assert merged.merging.tables == 3
    pair = merged.serving.tables[0]
    assert (pair.table.rows, pair.table.dim, pair.table.ids_per_sample) == (2500, 8, 1)
    assert list(pair.losses.values()) == pytest.approx([0.2])
    both = []
    for each in (case, replace(case, serving=merged.serving)):
        placed = [choice for choice in all_choices(each) if choice.tier is MemoryTier.HBM]
        predicted = predict(each, placed)
        assert len(placed) == len(each.serving.tables)
        both.append((float(predicted.service.seconds(1, 500)), predicted.hbm_bytes.sum()))
    assert both[1][0] < both[0][0]
    assert both[1][1] > both[0][1]
