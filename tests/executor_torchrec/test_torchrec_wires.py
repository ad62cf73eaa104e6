"""TorchRec is given a codec for each collective, and what it has none of is named."""

from __future__ import annotations

import pytest

from shardplan import Settings, load, plan

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def wires():
    """Imported late, since TorchRec warns."""
    pytest.importorskip("torchrec")
    from shardplan.executor.torchrec import wires

    return wires


def made(sharding=None, all_reduce=None, **comm_dtype):
    """A plan whose outputs travel so, and whose gradients are summed so."""
    training = {"optimizer": "sgd", "comm_dtype": comm_dtype}
    constraints = [{"tables": "t", "sharding": sharding}] if sharding else []
    return plan(
        load(
            {
                "batch": {"local": 64},
                "topology": {"name": "dgx-a100", "nodes": 1},
                "training": training | ({"all_reduce": all_reduce} if all_reduce else {}),
                "tables": [{"name": "t", "rows": 10_000, "dim": 64}],
                "constraints": constraints,
            }
        ),
        Settings(node_limit=1, gap=0.5),
    )


def test_each_collective_has_its_own_on_gpus(wires):
    import torch

    training = made(
        forward="fp8", backward="bf16", fp8_row=64, sequence_all_to_all={"forward": "int8"}
    ).training
    found = wires.codecs(training.comm_dtype, torch.device("cuda"))
    formats = {
        op: (each.forward.quantized_dtype, each.backward.quantized_dtype)
        for op, each in found.items()
    }
    assert formats == {
        "POOLED_EMBEDDINGS_ALL_TO_ALL": (torch.uint8, torch.bfloat16),
        "POOLED_EMBEDDINGS_REDUCE_SCATTER": (torch.float16, torch.bfloat16),
        "SEQUENCE_EMBEDDINGS_ALL_TO_ALL": (torch.uint8, torch.bfloat16),
    }
    assert found["POOLED_EMBEDDINGS_ALL_TO_ALL"].forward.create_context().row_dim == 64


def test_none_is_needed_where_all_is_fp32(wires):
    import torch

    assert wires.codecs(made().training.comm_dtype, torch.device("cpu")) is None


def test_what_it_has_not_is_named(wires):
    ours = {"ratio": 3, "encode": "1GB/s", "decode": "1GB/s", "error": "1%"}
    found = made(forward="int8", reduce_scatter={"forward": "ours"}, codecs={"ours": ours})

    def told(device):
        return [
            (each.path, each.message) for each in wires.wire_faults(found, found.training, device)
        ]

    unknown = ("training.comm_dtype.reduce_scatter.forward", "TorchRec has no codec ours")
    assert told("cuda") == [unknown]
    alone = "int8: FBGEMM's codec of it is for GPUs alone"
    assert told("cpu") == [
        ("training.comm_dtype.pooled_all_to_all.forward", alone),
        unknown,
        ("training.comm_dtype.sequence_all_to_all.forward", alone),
    ]


@pytest.mark.parametrize(("sharding", "is_summed"), [("data_parallel", True), ("row_wise", False)])
def test_sums_that_ddp_does_otherwise_are_named(wires, sharding, is_summed):
    import torch

    from shardplan.executor.torchrec.request import ShardRequest
    from shardplan.executor.torchrec.training import training_faults

    summed = {"algorithm": "hierarchical", "top_k": "10%"}
    found = made(sharding, all_reduce=summed)
    told = training_faults(ShardRequest(found, torch.device("cuda"), 0.1))
    wanted = ["training.all_reduce.top_k", "training.all_reduce.algorithm"]
    assert [each.path for each in told] == (wanted if is_summed else [])
