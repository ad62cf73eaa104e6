"""Plans of groups of devices, handed to TorchRec's ``DMPCollection``, which needs GPUs to run."""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from shardplan import Settings, load, plan
from shardplan.errors import InputError

pytestmark = [
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


def planned(optimizer="sgd", table_dtype="fp32", **replicas):
    """Two nodes of eight devices in two groups of eight."""
    training = {"optimizer": optimizer}
    if replicas:
        training["replicas"] = {"groups": 2, **replicas}
    names = ("table_wise", "row_wise", "table_row_wise")
    value = {
        "batch": {"local": 64},
        "topology": {"name": "dgx-h100", "nodes": 2},
        "training": training,
        "defaults": {"dtype": table_dtype, "dim": 16},
        "tables": [{"name": name, "rows": 500} for name in names],
        "constraints": [{"tables": name, "sharding": name, "kernels": "fused"} for name in names],
    }
    return plan(load(value), Settings("greedy"))


@pytest.mark.parametrize("order", ["strided", "contiguous"])
def test_torchrec_deals_shards_to_the_ranks_that_the_plan_means(order, monkeypatch):
    import torch
    from torchrec.distributed import model_parallel
    from torchrec.distributed.model_parallel import DMPCollection

    from shardplan.executor.torchrec import group_arguments

    monkeypatch.setattr(model_parallel, "get_local_size", lambda: 8)
    made = planned(order=order, sync_every=20)
    given = group_arguments(made)
    inspect.signature(DMPCollection).bind(module=0, device=0, global_pg=0, **given)
    grouping, world = made.replicas.grouping, made.whole_world
    for rank in range(16):
        given = group_arguments(made)
        DMPCollection._remap_sharding_plan(  # noqa: SLF001
            SimpleNamespace(_device=torch.device("cuda")),
            given["plan"],
            rank,
            given["world_size"] // given["sharding_group_size"],
            given["sharding_group_size"],
            given["use_inter_host_allreduce"],
        )
        (own,) = [ranks for ranks in grouping.ranks(world) if rank in ranks]
        for module, tables in made.plan.items():
            for name, entry in tables.items():
                told = given["plan"].plan[module][name]
                assert told.ranks == [own[each] for each in entry.ranks]
                placed = [each.placement.rank() for each in told.sharding_spec.shards]
                assert placed == told.ranks
    assert given["node_group_size"] == (4 if order == "strided" else 8)


@pytest.mark.parametrize(
    ("more", "path", "message"),
    [
        ({}, "replicas", "it is the plan of all devices"),
        ({"dtype": "bf16"}, "replicas.dtype", "the fp32 weights of table_wise and 2 others as"),
        (
            {"dtype": "fp16", "table_dtype": "fp16", "optimizer": "adam"},
            "replicas.dtype",
            "sends the optimizer's state in fp32",
        ),
    ],
)
def test_what_it_would_average_otherwise_than_planned_is_refused(more, path, message):
    from shardplan.executor.torchrec import group_arguments

    with pytest.raises(InputError) as refused:
        group_arguments(planned(**more))
    (fault,) = refused.value.diagnostics
    assert fault.path == path
    assert message in fault.message


def test_what_costs_no_more_than_planned_is_handed_over():
    from shardplan.executor.torchrec import group_arguments

    more = {"dtype": "fp16", "table_dtype": "fp16", "optimizer": "adam", "sync_optimizer": False}
    assert group_arguments(planned(**more))["sharding_group_size"] == 8
