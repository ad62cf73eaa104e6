"""Small clusters, workloads and options that the tests of the analytic cost model share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from shardplan.cost.analytic.model import AnalyticCostModel
from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.text.document import read_document, read_file
from shardplan.spec.validation.validation import validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.schema import TopologyFile
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.row_order import RowOrder
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

COST_MODELS = Path(__file__).parents[2] / "cost_models"
TOPOLOGIES = COST_MODELS.parent / "topologies"

CLUSTER = """
name: test
cost_model: h100
nodes: 2
devices_per_node: 4
device:
  hbm: {capacity: 80GB, read: 3TB/s}
  host_link: 64GB/s
node:
  ddr: {capacity: 1TB, read: 200GB/s, write: 160GB/s}
  ssd: {capacity: 8TB, read: 12GB/s, write: 6GB/s, iops: 2e6}
scale_up: {kind: switch, bandwidth: 450GB/s}
nics: {count: 4, rate: 50GB/s}
"""


def cluster(nodes=2, text=CLUSTER):
    return build_topology(validate(TopologyFile, read_document(text, "cluster.yaml")), nodes)


def preset(name, nodes):
    return build_topology(
        validate(TopologyFile, read_file(str(TOPOLOGIES / f"{name}.yaml"))), nodes
    )


def profile(name="h100"):
    return build_profile(validate(ProfileFile, read_file(str(COST_MODELS / f"{name}.yaml"))))


def table(
    name="t",
    rows=100_000,
    dim=64,
    pooling=10.0,
    dtype=Dtype.FP32,
    access=None,
    features=1,
    ids=RowOrder.HASHED,
    weighted=False,
    share=1.0,
    module="m",
):
    """``share`` is of the first feature: what it has of the batch."""
    return Table(
        name, module, rows, dim, dtype,
        tuple(f"{name}_{i}" for i in range(features)),
        tuple([pooling / features] * features),
        access or Uniform(),
        ids,
        weighted,
        batch_shares=() if share == 1 else (share, *[1.0] * (features - 1)),
    )  # fmt: skip


def model(*tables, batch=8_192, training=None, nodes=2, name="h100", topology=None):
    workload = Workload("test", tables, batch, training or Training())
    return AnalyticCostModel(workload, topology or cluster(nodes), profile(name))


def options(*ways):
    """Options from (table, sharding type, kernel, column shards) and, of caches, two shares."""
    table_of, sharding, kernel, cuts = zip(*(way[:4] for way in ways), strict=True)
    plain = OptionSet.uncached(
        np.array(table_of, np.int32),
        SHARDING_TYPES.codes([SHARDING_TYPES.named(s) for s in sharding]),
        KERNELS.codes([KERNELS.named(k) for k in kernel]),
        np.array(cuts, np.int32),
    )
    held = [way[4:] or (in_hbm, 0.0) for way, in_hbm in zip(ways, plain.hbm_share, strict=True)]
    return replace(plain, hbm_share=np.array(held)[:, 0], ddr_share=np.array(held)[:, 1])


def option(sharding, kernel=None, cuts=1, at=0, cache=()):
    kernel = kernel or ("dense" if sharding == "data_parallel" else "fused")
    return options((at, sharding, kernel, cuts, *cache))


def load(cost_model, sharding, kernel=None, cuts=1, at=0, cache=()):
    """Seconds by phase of one unit of one option."""
    seconds = cost_model.unit_costs(option(sharding, kernel, cuts, at, cache)).load_seconds[0]
    return dict(zip([phase.name for phase in cost_model.phases], seconds.tolist(), strict=True))


def memory(cost_model, sharding, kernel=None, cuts=1, at=0, cache=()):
    """Bytes (hbm, ddr, ssd) of one unit of one option."""
    costs = cost_model.unit_costs(option(sharding, kernel, cuts, at, cache))
    return costs.memory_bytes[0].tolist()


def shard_bytes(cost_model, rows, columns, kernel, cache=()):
    """Bytes (hbm, ddr, ssd) of one shard of the first table, without buffers."""
    option_set = option("table_wise", kernel, cache=cache)
    return tuple(cost_model.shard_bytes(option_set, np.array([rows]), np.array([columns]))[0])
