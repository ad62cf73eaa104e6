"""Which row blocks of options are not like the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.world import World


def other_blocks(
    options: OptionSet,
    rows: NDArray[np.int64],
    uneven: NDArray[np.bool_],
    world: World,
    charged: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(K,) each: an option, the number of a block of its rows, and how many rows that has.

    ``rows`` and ``uneven`` (T,) are of the tables; of one that is uneven no two blocks are taken to
    be alike, of the others those that are lower: the last one, and where rows are so few that some
    device gets none, those as well. ``charged`` (O,) is the block that stands for all of an uneven
    table, -1 where none does; where left out, the first.
    """
    cut, height = options.row_shards(world), rows[options.table]
    first = -(-height // cut)
    count = np.where(uneven[options.table], cut - 1, cut - height // first)
    count = np.where(cut > 1, count, 0)
    charged = np.zeros(len(options), dtype=np.int64) if charged is None else charged
    count += (count > 0) & uneven[options.table] & (charged < 0)
    option = np.repeat(np.arange(len(options)), count)
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    block = cut[option] - count[option] + nth
    block -= uneven[options.table][option] & (charged[option] > 0) & (block <= charged[option])
    held = np.clip(height[option] - block * first[option], 0, first[option])
    return option, block, held
