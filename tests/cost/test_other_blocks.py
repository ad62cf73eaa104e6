"""Row blocks tile the rows of a table, however few these are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from shardplan.cost.row_blocks import other_blocks
from shardplan.plan.decision import Decision, options_of
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.sharding.world import World

if TYPE_CHECKING:
    from shardplan.options.option_set import OptionSet


def row_wise() -> OptionSet:
    return options_of([Decision(0, ShardingType.ROW_WISE, Kernel.FUSED)])


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("rows", range(1, 20))
def test_blocks_are_those_of_rows_dealt_out_by_the_ceiling(rows, uneven):
    devices = 6
    first = -(-rows // devices)
    dealt = [len(range(rows)[at * first : (at + 1) * first]) for at in range(devices)]
    _, block, held = other_blocks(row_wise(), np.array([rows]), np.array([uneven]), World(6, 2))
    found = [first] * devices
    for at, count in zip(block.tolist(), held.tolist(), strict=True):
        found[at] = count
    assert found == dealt
