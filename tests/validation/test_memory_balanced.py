"""The plans that distributed-embeddings makes, dealt out again by its rule."""

from __future__ import annotations

import pytest

from shardplan.validation.published_steps import published_steps

DEVICES = 8


def dealt(tables, most=None):
    """By table the devices that its shards go to: sorted by weights, dealt out forth and back.

    Tables of more than ``most`` weights are halved until their column shards have no more.
    """
    shards = []
    for index, table in enumerate(tables):
        weights, count = table["rows"] * table["dim"], 1
        while most and weights / count > most:
            count *= 2
        shards += [(weights // count, index)] * min(count, DEVICES)
    order = [index for _, index in sorted(shards, reverse=True)]
    ranks = {}
    for rank in range(DEVICES):
        for index in order[rank :: 2 * DEVICES] + order[2 * DEVICES - 1 - rank :: 2 * DEVICES]:
            ranks.setdefault(tables[index]["name"], set()).add(rank)
    return ranks


def test_eleven_shards_are_dealt_forth_and_back():
    tables = [{"name": f"t{rows}", "rows": rows, "dim": 1} for rows in range(11, 0, -1)]
    expected = {11: 0, 10: 1, 9: 2, 8: 3, 7: 4, 6: 5, 5: 6, 4: 7, 3: 7, 2: 6, 1: 5}
    assert dealt(tables) == {f"t{rows}": {rank} for rows, rank in expected.items()}


@pytest.mark.parametrize("step", ["tf2-dlrm-xl-a100x8-amp", "tf2-dlrm-xl-a100x8-tf32"])
def test_a_published_step_lies_where_its_planner_put_the_tables(step):
    """Column shards of at most 5e9 weights, of which a device joins those that it gets of a table.

    What is not pinned may lie on all devices, as the shards of one table do.
    """
    (found,) = [each for each in published_steps() if each.id == step]
    pinned = {table["name"]: set(range(DEVICES)) for table in found.spec["tables"]}
    for constraint in found.spec["constraints"]:
        if "ranks" in constraint:
            pinned |= {name: set(constraint["ranks"]) for name in constraint["tables"]}
    assert pinned == dealt(found.spec["tables"], most=5e9)
