"""``shardplan verify --against-world``: the job around a process, held against the plan."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from shardplan import Settings, load, plan
from shardplan.cli.main import cli
from shardplan.errors import InputError
from shardplan.startup.check_world import check_world, unchecked
from shardplan.startup.job_world import JobWorld
from shardplan.startup.launcher import LAUNCHERS
from shardplan.startup.visible_gpus import VisibleGpus

ROOMY = 2**50
KNOWN = {name for each in LAUNCHERS for name in (*each.size, *each.local_sizes, each.rank)}


def planned(nodes=2, **training):
    value = {
        "batch": {"local": 512},
        "topology": {"name": "dgx-h100", "nodes": nodes},
        "training": training,
        "tables": [
            {"name": f"t{n}", "rows": 1_000_000 * (n + 1), "dim": 64, "pooling": 2}
            for n in range(12)
        ],
    }
    return plan(load(value), Settings(method="greedy"))


@pytest.fixture(scope="module")
def found():
    return planned()


@pytest.fixture(scope="module")
def grouped():
    return planned(nodes=4, replicas={"groups": 4, "sync_every": 10})


def torchrun(rank, size=16, local=8):
    return {
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(local),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank % local),
    }


def slurm(rank, size=16, tasks="8(x2)", local_rank=None):
    return {
        "SLURM_NTASKS": str(size),
        "SLURM_TASKS_PER_NODE": tasks,
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank % 8 if local_rank is None else local_rank),
    }


def findings(of, environment, gpus=None):
    return [*check_world(of, JobWorld.of_environment(environment), gpus)]


def wheres(of, environment, gpus=None):
    return [each.where for each in findings(of, environment, gpus)]


@pytest.mark.parametrize("rank", range(16))
def test_every_process_of_the_planned_job_is_content(found, rank):
    mpi = {
        "OMPI_COMM_WORLD_SIZE": "16",
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_LOCAL_SIZE": "8",
        "OMPI_COMM_WORLD_LOCAL_RANK": str(rank % 8),
    }
    for environment in (torchrun(rank), slurm(rank), mpi):
        assert findings(found, environment) == []


def test_torchrun_inside_slurm_is_what_counts(found):
    assert findings(found, slurm(0, size=2, tasks="1(x2)") | torchrun(3)) == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (torchrun(0, size=8), ["world_size"]),
        (torchrun(0, size=16, local=4), ["local_world_size"]),
        (torchrun(0, size=32, local=16), ["world_size", "local_world_size"]),
        (slurm(0, tasks="8,4(x2)"), ["local_world_size"]),
        (slurm(1, local_rank=0), ["rank"]),
        (torchrun(17) | {"LOCAL_RANK": "1"}, ["rank"]),
    ],
)
def test_other_processes_than_planned_are_found(found, environment, expected):
    assert wheres(found, environment) == expected


def test_a_job_of_one_group_is_not_that_of_all(grouped):
    assert findings(grouped, torchrun(0, size=32)) == []
    (one,) = findings(grouped, torchrun(0, size=8))
    assert "32 processes, 4 groups of 8" in one.message


def test_a_device_needs_free_what_the_plan_takes_of_it(found, grouped):
    """Of rank r; under strided groups of 4, processes 4r to 4r + 3 hold what rank r does."""
    for of, size, groups in ((found, 16, 1), (grouped, 32, 4)):
        for rank in range(size):
            needed = of.prediction.ranks[rank // groups].memory_bytes.hbm
            assert needed > 0
            enough, short = (VisibleGpus(8, "H100", needed - less) for less in (0, 1))
            assert findings(of, torchrun(rank, size), enough) == []
            assert wheres(of, torchrun(rank, size), short) == ["memory"]


@pytest.mark.parametrize(("count", "expected"), [(1, []), (2, ["devices"]), (8, []), (9, [])])
def test_a_process_sees_its_own_gpu_or_those_of_all(found, count, expected):
    assert wheres(found, torchrun(0), VisibleGpus(count, "H100", ROOMY)) == expected


def test_what_nothing_tells_is_said_to_be_unchecked(found):
    job = JobWorld.of_environment({"WORLD_SIZE": "16"})
    assert [*check_world(found, job, None)] == []
    assert unchecked(found, job, None) == (
        "processes per node",
        "the place of this process",
        "the memory of its device",
    )
    whole = JobWorld.of_environment(torchrun(0))
    assert unchecked(found, whole, VisibleGpus(8, "H100", ROOMY)) == ()


def test_all_that_is_no_count_is_named_at_once():
    with pytest.raises(InputError) as raised:
        JobWorld.of_environment({"WORLD_SIZE": "0", "RANK": "-1", "LOCAL_WORLD_SIZE": "8(x"})
    assert {fault.path for fault in raised.value.diagnostics} == {
        "WORLD_SIZE",
        "RANK",
        "LOCAL_WORLD_SIZE",
    }


def verify(path, environment, *options):
    cleared = dict.fromkeys(KNOWN)
    runner = CliRunner(env=cleared | environment)
    return runner.invoke(cli, ["verify", str(path), "--against-world", *options])


def test_the_command_tells_by_its_exit_code(plan_path):
    """The plan is of four devices on one node."""
    shape = json.loads(plan_path.read_text())
    size, local = shape["world_size"], shape["local_world_size"]
    first, second = (verify(plan_path, torchrun(rank, size, local)) for rank in (0, 1))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert f"the job: good: {size} processes of torchrun" in first.stdout
    assert second.stdout == ""
    wrong = verify(plan_path, torchrun(0, size + 1, local), "--format", "json")
    assert wrong.exit_code == 1
    (only,) = json.loads(wrong.stdout)["findings"]
    assert (only["code"], only["where"]) == ("world", "world_size")
    none = verify(plan_path, {})
    assert none.exit_code == 2
    assert "names no job" in none.stderr


def test_findings_of_the_plan_itself_stay(plan_path, tmp_path):
    value = json.loads(plan_path.read_text())
    value["prediction"]["step_seconds"] *= 2
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(value))
    size, local = value["world_size"], value["local_world_size"]
    result = verify(path, torchrun(0, size, local))
    assert result.exit_code == 1
    assert "world: " not in result.stdout
