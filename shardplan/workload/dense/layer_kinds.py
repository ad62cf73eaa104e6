"""The kinds of dense layer that a spec may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.workload.dense.attention import Attention
from shardplan.workload.dense.compression import Compression
from shardplan.workload.dense.concat import Concat
from shardplan.workload.dense.cross import Cross
from shardplan.workload.dense.dot import Dot
from shardplan.workload.dense.fm import Fm
from shardplan.workload.dense.mlp import Mlp

if TYPE_CHECKING:
    from shardplan.workload.dense.layer import DenseLayer

LAYER_KINDS: tuple[type[DenseLayer], ...] = (
    Mlp,
    Concat,
    Dot,
    Cross,
    Fm,
    Compression,
    Attention,
)
