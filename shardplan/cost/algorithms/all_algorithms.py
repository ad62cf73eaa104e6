"""The algorithms by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.algorithms.hierarchical import Hierarchical
from shardplan.cost.algorithms.nvls_sharp import NvlsSharp
from shardplan.cost.algorithms.nvls_tree import NvlsTree
from shardplan.cost.algorithms.ring import Ring
from shardplan.cost.algorithms.sharp import Sharp
from shardplan.cost.algorithms.tree import Tree

if TYPE_CHECKING:
    from shardplan.cost.algorithms.algorithm import Algorithm

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (Ring(), Tree(), NvlsTree(), Sharp(), NvlsSharp(), Hierarchical())
}
