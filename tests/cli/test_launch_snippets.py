"""What starts a plan's job: each snippet is run by what it is for, or by a stand-in of it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys

import pytest
import yaml

from shardplan import Settings, load, plan, write_plan
from shardplan.convert.targets import TARGETS, converted
from shardplan.errors import InputError

LAUNCHERS = ("torchrun", "slurm", "kubernetes")
STAND_IN = f"""\
#!{sys.executable}
import json, os, sys
with open(os.environ["CALLS"], "a") as file:
    print(json.dumps([os.environ["PLAN"], sys.argv[1:]]), file=file)
"""
"""Of torchrun: notes the plan and its own arguments."""
SRUN = """\
#!/usr/bin/env bash
while [[ "$1" == --* ]]; do shift; done
for node in $(seq 0 $((SLURM_NNODES - 1))); do SLURM_NODEID=$node "$@"; done
"""
"""Of srun, its tasks one after the other."""


def spec(nodes=2, groups=None, topology="dgx-h100", name="two towers"):
    value = {
        "name": name,
        "batch": {"local": 512},
        "topology": {"name": topology, "nodes": nodes},
        "tables": [{"name": f"t{n}", "rows": 1000, "dim": 64} for n in range(3)],
    }
    if groups:
        value["training"] = {"replicas": {"groups": groups, "sync_every": 20}}
    return value


def planned(**more):
    return plan(load(spec(**more)), Settings(method="greedy"))


def run_script(folder, text, *arguments, **environment):
    """What the stand-in of torchrun was called with, once for each node."""
    for name, program in {
        "torchrun": STAND_IN,
        "srun": SRUN,
        "scontrol": "#!/bin/sh\nprintf 'first\\nsecond\\n'\n",
    }.items():
        file = folder / name
        file.write_text(program)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    known = {"PATH": path, "CALLS": str(calls)} | environment
    done = subprocess.run(
        ["bash", "-c", text, "script", *arguments],
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
    return done, found


def option(arguments, name):
    """The value of ``--name=value``; None where it is not given."""
    values = [each.split("=", 1)[1] for each in arguments if each.startswith(f"--{name}=")]
    assert len(values) <= 1
    return values[0] if values else None


@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_torchrun_is_told_of_nodes_and_processes_as_planned(nodes, tmp_path):
    found = planned(nodes=nodes)
    text = converted(found, "torchrun", "a plan.json")
    environment = {"NODE_RANK": "1", "MASTER_ADDR": "first"} if nodes > 1 else {}
    done, calls = run_script(tmp_path, text, **environment)
    assert done.returncode == 0, done.stderr
    ((path, arguments),) = calls
    assert path == "a plan.json"
    count = int(option(arguments, "nnodes") or 1) * int(option(arguments, "nproc-per-node"))
    assert count == found.world_size == 8 * nodes
    assert ("--standalone" in arguments) == (nodes == 1)
    if nodes > 1:
        assert (option(arguments, "node-rank"), option(arguments, "master-addr")) == ("1", "first")
    assert arguments[-5:] == ["python", "-m", "shardplan.executor", "train", "a plan.json"]


def test_a_job_of_several_nodes_says_what_it_lacks(tmp_path):
    done, calls = run_script(tmp_path, converted(planned(), "torchrun"), MASTER_ADDR="first")
    assert done.returncode != 0
    assert calls == []
    assert "NODE_RANK: set it to the number of this node, 0 to 1" in done.stderr


def test_slurm_starts_torchrun_once_on_each_node(tmp_path):
    text = converted(planned(), "slurm", "plan.json")
    environment = {"SLURM_NNODES": "2", "SLURM_JOB_NODELIST": "node[1-2]"}
    done, calls = run_script(tmp_path, text, "python", "my job.py", **environment)
    assert done.returncode == 0, done.stderr
    assert [option(arguments, "node-rank") for _, arguments in calls] == ["0", "1"]
    assert {option(arguments, "master-addr") for _, arguments in calls} == {"first"}
    assert all(arguments[-2:] == ["python", "my job.py"] for _, arguments in calls)
    assert all(path == "plan.json" for path, _ in calls)


def test_slurm_reads_its_directives_before_the_first_command():
    lines = converted(planned(), "slurm").splitlines()
    commands = [n for n, line in enumerate(lines) if line and not line.startswith("#")]
    directives = {
        key: value
        for n, line in enumerate(lines)
        if (found := re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", line)) and n < commands[0]
        for key, value in [found.groups()]
    }
    assert sum("#SBATCH" in line for line in lines) == len(directives)
    assert (directives["nodes"], directives["ntasks-per-node"]) == ("2", "1")
    assert directives["gpus-per-node"] == "8"
    assert directives["job-name"] == "two-towers"


@pytest.mark.parametrize("nodes", [1, 3])
def test_kubernetes_starts_a_pod_for_each_node(nodes, tmp_path):
    objects = list(yaml.safe_load_all(converted(planned(nodes=nodes), "kubernetes")))
    assert [each["kind"] for each in objects] == ["Service", "Job"][nodes == 1 :]
    job = objects[-1]["spec"]
    assert job["completions"] == job["parallelism"] == nodes
    assert job["completionMode"] == "Indexed"
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 8}
    told = {each["name"]: each.get("value", "0") for each in container.get("env", ())}
    if nodes > 1:
        service = objects[0]
        assert pod["subdomain"] == service["metadata"]["name"]
        assert service["spec"]["selector"] == {"job-name": objects[-1]["metadata"]["name"]}
        first = f"{objects[-1]['metadata']['name']}-0.{service['metadata']['name']}"
        assert told["MASTER_ADDR"] == first
    bash, flag, script, *arguments = container["command"]
    assert (bash, flag) == ("bash", "-c")
    done, calls = run_script(tmp_path, script, *arguments[1:], **told)
    assert done.returncode == 0, done.stderr
    ((path, words),) = calls
    assert path == "plan.json"
    assert int(option(words, "nnodes") or 1) == nodes


@pytest.mark.parametrize("target", LAUNCHERS)
def test_all_groups_of_a_plan_are_started(target, tmp_path):
    """A plan of 8 devices that 4 groups run is a job of 32; no engine here trains it."""
    found = planned(nodes=4, groups=4)
    assert found.world_size == 8
    text = converted(found, target)
    assert "32 processes, one for each device, on 4 nodes of 8, in 4 groups" in text
    assert "shardplan.executor train" not in text
    assert "train.py" in text
    if target == "torchrun":
        done, calls = run_script(tmp_path, text, NODE_RANK="0", MASTER_ADDR="first")
        assert (done.returncode != 0, calls) == (True, [])
        assert "name the command of your job" in done.stderr


@pytest.mark.parametrize("target", LAUNCHERS)
def test_devices_that_are_no_gpus_are_not_asked_for(target):
    assert "gpu" not in converted(planned(topology="cpu-2s"), target)


@pytest.mark.parametrize("target", LAUNCHERS)
@pytest.mark.parametrize("name", ['x"\n$(touch here)  # \u202e', "12", "", "é", "A" * 200, "a_-b."])
def test_names_become_labels_and_run_nothing(target, name, tmp_path):
    """RFC 1035 labels of at most 63 characters, with room for what is appended."""
    odd = planned().model_copy(update={"name": name})
    text = converted(odd, target, "it's; touch here\n.json")
    if target == "kubernetes":
        for each in yaml.safe_load_all(text):
            assert re.fullmatch("[a-z]([-a-z0-9]{0,55}[a-z0-9])?", each["metadata"]["name"])
        return
    environment = {"NODE_RANK": "0", "MASTER_ADDR": "m", "SLURM_NNODES": "1"}
    _, calls = run_script(tmp_path, text, SLURM_JOB_NODELIST="n", **environment)
    assert [path for path, _ in calls] == ["it's; touch here\n.json"]
    assert not (tmp_path / "here").exists()
    if target == "slurm":
        (label,) = re.findall("^#SBATCH --job-name=(.*)$", text, re.MULTILINE)
        assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", label)


def test_devices_that_fill_no_nodes_are_refused():
    with pytest.raises(InputError, match="no whole number of nodes of 5"):
        converted(planned().model_copy(update={"local_world_size": 5}), "torchrun")


def test_solve_writes_what_starts_the_job_beside_the_plan(run, spec_path, tmp_path):
    path = tmp_path / "plan.v2.json"
    result = run("solve", spec_path, "-o", path, "--method", "greedy", "--emit", "launch")
    assert result.exit_code == 0, result.stderr
    beside = {
        "torchrun": tmp_path / "plan.v2.torchrun.sh",
        "slurm": tmp_path / "plan.v2.slurm.sh",
        "kubernetes": tmp_path / "plan.v2.kubernetes.yaml",
    }
    assert sorted(tmp_path.iterdir()) == sorted([path, *beside.values()])
    for target, file in beside.items():
        assert str(file) in result.stderr
        assert file.read_text() == run("convert", path, "--to", target).stdout


def test_what_is_emitted_needs_a_place(run, spec_path):
    result = run("solve", spec_path, "--emit", "launch")
    assert result.exit_code == 2
    assert "--emit writes files beside the plan" in result.stderr


def test_the_command_offers_every_target():
    from shardplan.cli.commands.convert import TARGETS as offered

    assert set(offered) == set(TARGETS)


@pytest.mark.slow
def test_a_job_starts_and_trains_where_its_world_is_right(tmp_path):
    """Under the real torchrun: two processes for a plan of two."""
    pytest.importorskip("torch")
    value = spec(topology="cpu-2s", nodes=1)
    found = plan(load(value), Settings(method="greedy"))
    path = tmp_path / "plan.json"
    write_plan(found, path)
    torchrun = tmp_path / "torchrun"
    torchrun.write_text(f'#!/bin/sh\nexec {sys.executable} -m torch.distributed.run "$@"\n')
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for program in ("torchrun", "python"):
        (tmp_path / program).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
    }

    def start(job):
        script = converted(job, "torchrun", str(path))
        return subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
        )

    done = start(found)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the job: good: 2 processes of torchrun, as planned") == 1
    assert "step 100  loss" in done.stdout
    wrong = start(found.model_copy(update={"world_size": 1, "local_world_size": 1}))
    assert wrong.returncode != 0
    assert "the plan is for 2 processes; the job of torchrun has 1" in wrong.stdout
    assert "loss" not in wrong.stdout
