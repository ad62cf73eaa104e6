"""The training that ``tune`` starts by itself: where it tells of the devices asked about."""

from __future__ import annotations

import pytest

from shardplan.errors import ShardplanError
from shardplan.sharding.device_kind import DeviceKind
from shardplan.sharding.world import World
from shardplan.surroundings import cores
from shardplan.tune.job.own_training import own_training
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.training import Training

pytest.importorskip("torch")


def test_devices_that_share_a_core_are_refused() -> None:
    world = World(cores() + 1, cores() + 1, DeviceKind.CPU)
    with pytest.raises(ShardplanError, match=f"{cores() + 1} devices, this machine {cores()} core"):
        own_training(world, Training(), "native", 5, 1)


def test_gpus_that_are_not_there_are_refused() -> None:
    with pytest.raises(ShardplanError, match=r"1000 GPUs, this machine .*\(--run\)"):
        own_training(World(1000, 1000), Training(), "native", 5, 1)


def test_a_device_per_core_is_trained_on() -> None:
    words = own_training(World(1, 1, DeviceKind.CPU), Training(), "native", 5, 1)
    assert words[words.index("--steps") + 1] == "6"


@pytest.mark.parametrize(
    ("engine", "optimizer", "words"),
    [
        ("native", Optimizer.LAMB, "lamb: the native engine has sgd"),
        ("torchrec", Optimizer.ADAM, "adam: FBGEMM has it for GPUs alone"),
    ],
)
def test_an_optimizer_that_the_engine_has_not_is_refused(engine, optimizer, words) -> None:
    with pytest.raises(ShardplanError, match=words):
        own_training(World(1, 1, DeviceKind.CPU), Training(optimizer), engine, 5, 1)
