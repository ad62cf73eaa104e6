"""Pins are honoured, verified and told where they leave nothing."""

from __future__ import annotations

from itertools import combinations, product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from effort import examples

from shardplan import Settings, load, plan, verify
from shardplan.errors import Infeasible, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan

QUICK = Settings(gap=0.05, node_limit=20)
ROUGH = Settings(gap=0.3, node_limit=5, effort=0.02)
KINDS = ("load_factor", "column_shards", "min_width", "hbm_only", "nodes", "column_blocks")
MACHINE = {
    "name": "pairs",
    "cost_model": "a100",
    "devices_per_node": 2,
    "device": {"hbm": {"capacity": "80GiB", "read": "2039GB/s"}, "host_link": "32GB/s"},
    "node": {"ddr": {"capacity": "2TB", "read": "410GB/s"}},
    "scale_up": {"kind": "switch", "bandwidth": "300GB/s"},
    "nics": {"count": 2, "rate": "200Gb/s"},
}
"""Small enough to be planned a hundred times."""


def drawn_spec(dice: Random) -> dict[str, Any]:
    """Some tables on a small machine, each pinned by one thing that it can bear."""
    nodes = dice.choice([1, 2])
    tables, constraints = [], []
    for number in range(dice.randint(1, 3)):
        name, dim = f"t{number}", dice.choice([16, 32, 64, 128, 192])
        rows = dice.randint(20_000, 3_000_000)
        tables.append({"name": name, "rows": rows, "dim": dim, "pooling": dice.randint(1, 30)})
        pin = dice.choice(KINDS)
        value: Any = {
            "load_factor": dice.choice([0.03, 0.2, 1 / 3, 0.75]),
            "column_shards": dice.choice([1, 2, 4]),
            "min_width": dice.choice([4, 8, dim // 2]),
            "hbm_only": True,
            "nodes": [dice.randrange(nodes)],
            "column_blocks": [dim // 4, dim - dim // 4],
        }[pin]
        constraints.append({"tables": name, pin: value})
    return {
        "batch": {"local": 512},
        "topology": MACHINE | {"nodes": nodes},
        "training": {"optimizer": "sgd"},
        "tables": tables,
        "constraints": constraints,
    }


def is_honoured(made: Plan, demand: dict[str, Any]) -> bool:
    """By the words of the spec and the plan file alone."""
    (entry,) = [entries[demand["tables"]] for entries in made.plan.values()]
    widths = {shard.shard_offsets[1]: shard.shard_sizes[1] for shard in entry.shards}
    if "load_factor" in demand:
        cache = entry.cache
        return cache is not None and abs(cache.load_factor - demand["load_factor"]) < 1e-8
    if "column_shards" in demand:
        return max(1, len(widths)) == demand["column_shards"]
    if "min_width" in demand:
        return len(widths) < 2 or min(widths.values()) >= demand["min_width"]
    if "hbm_only" in demand:
        return str(entry.compute_kernel) in ("dense", "fused")
    if "column_blocks" in demand:
        return [widths[first] for first in sorted(widths)] == demand["column_blocks"]
    return {rank // made.local_world_size for rank in entry.ranks} <= set(demand["nodes"])


def planned(spec: dict[str, Any], settings: Settings = QUICK) -> Plan:
    return plan(load(spec), settings)


@pytest.mark.parametrize("seed", range(examples(100).max_examples))
def test_drawn_pins_are_honoured_and_no_better_than_the_free_bound(seed: int) -> None:
    spec = drawn_spec(Random(seed))
    pinned = planned(spec, ROUGH)
    assert not verify(pinned)
    for demand in spec["constraints"]:
        assert is_honoured(pinned, demand), demand
    free = planned({**spec, "constraints": []}, ROUGH)
    assert pinned.optimality.objective_seconds >= free.optimality.lower_bound_seconds * (1 - 1e-9)


def one_table(*constraints: dict[str, Any], **table: Any) -> dict[str, Any]:
    return {
        "batch": {"local": 512},
        "topology": {"name": "dgx-a100", "nodes": 2},
        "training": {"optimizer": "sgd"},
        "tables": [{"name": "t", "rows": 1_000_000, "dim": 64, **table}],
        "constraints": [{"tables": "t", **each} for each in constraints],
    }


@pytest.mark.parametrize(
    ("constraints", "told"),
    [
        ([{"load_factor": 0.2}, {"load_factor": 0.3}], "size of its cache (load_factor)"),
        ([{"column_shards": 2}, {"column_shards": 4}], "number of shards (column_shards)"),
        ([{"load_factor": 0.2, "hbm_only": True}], "no kernel"),
        ([{"load_factor": 0.2, "kernels": "fused"}], "no kernel"),
        ([{"column_shards": 4, "sharding": "row_wise"}], "no sharding type"),
        ([{"load_factor": 1.0}], "less than all rows"),
        ([{"nodes": [2]}], "no node 2 among 2 nodes"),
        ([{"column_blocks": [48, 16], "sharding": "row_wise"}], "no sharding type"),
        ([{"column_blocks": [64]}], "column_blocks"),
        (
            [{"column_shards": 4}, {"min_width": 32}],
            "constraints[0] cuts 64 columns into 4 shards; constraints[1] makes column shards 32",
        ),
        (
            [{"column_blocks": [16, 48], "min_width": 32}],
            "constraints[0] cuts columns into 16 + 48",
        ),
        ([{"column_blocks": [16, 48]}, {"column_shards": 3}], "constraints[1] cuts columns into 3"),
        ([{"min_width": 40, "sharding": "column_wise"}], "64 columns are cut into 2 shards at"),
        ([{"hot_rows": 5}, {"hot_rows": 6}], "number of hot rows (hot_rows)"),
    ],
)
def test_pins_that_contradict_are_faults_of_the_spec(
    constraints: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(InputError, match="constraints") as caught:
        load(one_table(*constraints))
    assert told in str(caught.value)


PINS: dict[str, list[Any]] = {
    "load_factor": [0.2],
    "column_shards": [1, 2, 4],
    "min_width": [16, 32],
    "column_blocks": [[16, 48]],
    "hbm_only": [True],
    "hot_rows": [10],
}


def paired() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every two pins with all of their values."""
    for one, other in combinations(PINS, 2):
        for mine, theirs in product(PINS[one], PINS[other]):
            yield {one: mine}, {other: theirs}


def test_of_any_two_pins_of_a_table_both_are_honoured_or_the_spec_is_refused() -> None:
    refused = 0
    for one, other in paired():
        spec = one_table({**one, **other}, hot_ids=100, rows=100_000)
        spec |= {"topology": MACHINE | {"nodes": 1}}
        spec["training"]["hot_rows"] = True
        try:
            made = planned(spec, Settings("greedy"))
        except (InputError, Infeasible):
            refused += 1
            continue
        assert not verify(made), (one, other)
    assert 0 < refused < len(list(paired()))


@pytest.mark.parametrize(
    ("constraints", "told"),
    [
        ([{"column_shards": 7}], "constraints[0] cuts columns into 7 shards"),
        ([{"column_blocks": [40, 36]}], "are 76 columns, not 64"),
        ([{"column_blocks": [30, 34]}], "30 columns is not a multiple of 4"),
        ([{"nodes": [1], "ranks": [3]}], "constraints[0] allows none"),
        ([{"nodes": [1], "sharding": "row_wise"}], "constraints[0] allows 8-15"),
    ],
)
def test_pins_that_leave_no_way_are_named(constraints: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(Infeasible) as caught:
        planned(one_table(*constraints))
    (shortfall,) = caught.value.shortfalls
    assert told in " ".join(shortfall.reasons)


def bent(made: Plan, **entry: Any) -> Plan:
    ((module, entries),) = made.plan.items()
    (name, old) = next(iter(entries.items()))
    return made.model_copy(update={"plan": {module: {name: old.model_copy(update=entry)}}})


def test_verify_finds_a_cache_of_another_size() -> None:
    made = planned(one_table({"load_factor": 0.25}))
    (entry,) = made.plan["sparse.ebc"].values()
    assert entry.cache is not None
    other = bent(made, cache=entry.cache.model_copy(update={"load_factor": 0.5}))
    assert any("the spec pins 0.25" in finding.message for finding in verify(other))


@pytest.mark.parametrize(
    ("demand", "told"),
    [
        ({"column_shards": 2}, "has 4 column shards; the spec pins 2"),
        ({"min_width": 32}, "16 columns wide; the spec asks for 32 at least"),
        ({"hbm_only": True}, "runs fused_uvm; the spec keeps it in HBM alone"),
        ({"nodes": [0]}, "lies on rank"),
    ],
)
def test_verify_holds_a_plan_against_pins_of_another_spec(
    demand: dict[str, Any], told: str
) -> None:
    made = planned(one_table({"column_shards": 4, "nodes": [1], "kernels": "fused_uvm"}))
    broken = [each.message for each in verify(made, load(one_table(demand)))]
    assert any(told in message for message in broken)


UNEVEN = {"column_blocks": [40, 36, 36, 36]}


@pytest.mark.parametrize("kind", ["column_wise", "grid_shard"])
def test_uneven_column_blocks_lie_as_the_spec_says(kind: str) -> None:
    made = planned(one_table({**UNEVEN, "sharding": kind}, dim=148))
    assert not verify(made)
    (entry,) = made.plan["sparse.ebc"].values()
    columns = {shard.shard_offsets[1]: shard.shard_sizes[1] for shard in entry.shards}
    assert columns == {0: 40, 40: 36, 76: 36, 112: 36}
    cells = sum(shard.shard_sizes[0] * shard.shard_sizes[1] for shard in entry.shards)
    assert cells == 1_000_000 * 148
    weights = sum(shard.memory_bytes.hbm + shard.memory_bytes.ddr for shard in entry.shards)
    assert weights == cells * 4


def test_an_uneven_cut_is_charged_as_its_widest_block_everywhere() -> None:
    """So 40 + 36 + 36 + 36 columns take what four shards of 40 do."""
    uneven = planned(one_table({**UNEVEN, "sharding": "column_wise"}, dim=148))
    even = planned(one_table({"column_shards": 4, "sharding": "column_wise"}, dim=160))
    for phase in ("lookup_forward", "update_backward"):
        ours, theirs = uneven.prediction.phases[phase], even.prediction.phases[phase]
        assert ours == pytest.approx(theirs, rel=1e-3), phase


def test_verify_finds_other_column_blocks() -> None:
    made = planned(one_table({**UNEVEN, "sharding": "column_wise"}, dim=148))
    other = load(one_table({"column_blocks": [36, 36, 36, 40]}, dim=148))
    assert any("the spec pins (36, 36, 36, 40)" in each.message for each in verify(made, other))
