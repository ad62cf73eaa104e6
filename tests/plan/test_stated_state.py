"""What a plan states of the optimizer's state: only what is not the default."""

from __future__ import annotations

from shardplan import Settings, load, plan, verify
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.workload.dtype import Dtype


def planned(training: dict[str, object]):
    value = {
        "batch": {"local": 64},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": training,
        "tables": [{"name": "a", "rows": 1_000, "dim": 16}],
        "constraints": [{"tables": "a", "sharding": "table_wise", "kernels": "fused"}],
    }
    return plan(load(value), Settings(method="greedy"))


def test_formats_and_modes_are_stated_and_read_back():
    made = planned(
        {"optimizer": "partial_rowwise_adam", "optimizer_state_dtypes": {"momentum1": "bf16"}}
    )
    again = parse_plan(render(made), "plan.json")
    assert again.training == made.training
    assert again.training.optimizer_state_dtypes.given == {"momentum1": Dtype.BF16}
    assert '"optimizer_state_dtypes": {"momentum1": "bf16"}' in " ".join(render(made).split())
    (shard,) = again.plan["sparse.ebc"]["a"].shards
    assert shard.memory_bytes.hbm == 1_000 * (16 * 4 + 16 * 2 + 4)
    assert verify(again) == ()


def test_defaults_are_not_stated():
    text = render(planned({"optimizer": "rowwise_adagrad"}))
    stated = text.partition('"training": {')[2].partition("}\n")[0].partition("resolved")[0]
    assert "weight_decay_mode" not in stated
    assert len({planned({"optimizer": "sgd"}).training}) == 1
