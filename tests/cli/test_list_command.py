import json
from pathlib import Path

import pytest

from shardplan.cli.commands.list import METHOD_HELP
from shardplan.solve.settings import METHODS
from shardplan.spec.catalog.catalog import Kind, names


def test_every_method_is_described(run):
    assert tuple(METHOD_HELP) == METHODS
    listed = run("list", "methods").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(METHODS)


@pytest.mark.parametrize(
    ("what", "kind"), [("topologies", Kind.TOPOLOGY), ("cost-models", Kind.COST_MODEL)]
)
def test_every_shipped_file_is_listed_and_shown(run, what, kind):
    listed = run("list", what)
    assert listed.exit_code == 0
    for name in names(kind):
        assert f"\n  {name} " in listed.stdout
        shown = run("list", what, "--show", name)
        assert shown.exit_code == 0
        assert shown.stdout.startswith(f"{name}: ")
    assert "unsaid" not in listed.stdout
    values = json.loads(run("list", what, "--format", "json").stdout)
    assert [value["name"] for value in values] == names(kind)


def test_a_topology_is_shown_with_sources_and_bottlenecks(run):
    text = run("list", "topologies", "--show", "aws-p4d").stdout
    assert "nics.rate" in text
    assert "Bottlenecks on 1 node" in text
    assert "device:0 -> switch:0" in text.split("Bottlenecks on 1 node")[1].split("\n\n")[0]
    assert "nic:0.0 -> core" in text.split("Bottlenecks on 2 nodes")[1]


def test_a_topology_is_scaled(run):
    text = run("list", "topologies", "--show", "dgx-h100", "--nodes", "4").stdout
    assert "4 nodes of 8" in text
    assert text.count("Bottlenecks on") == 1


def test_one_device_has_no_bottleneck(run):
    text = run("list", "topologies", "--show", "workstation", "--nodes", "1").stdout
    assert "one device exchanges nothing" in text


def test_a_topology_is_shown_by_path(run, write):
    text = run("list", "topologies", "--show", "dgx-a100", "--format", "json").stdout
    path = write(text, "mine.yaml")
    assert "dgx-a100" in run("list", "topologies", "--show", path).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["topologies", "--show", "dgxh100"], "did you mean 'dgx-h100'?"),
        (["cost-models", "--show", "h1000"], "did you mean 'h100'?"),
        (["topologies", "--show", "./none.yaml"], "cannot read the file"),
        (["topologies", "--show", "dgx-h100", "--nodes", "20000"], "more than 100,000 devices"),
        (["topologies", "--nodes", "2"], "--nodes goes with"),
        (["methods", "--show", "auto"], "--show is for"),
        (["nothing"], "'nothing' is not one of"),
    ],
)
def test_wrong_arguments_say_what_is_right(run, arguments, message):
    result = run("list", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(("kind", "name"), [("topologies", "dgx-h100"), ("cost-models", "h100")])
def test_show_names_the_file_so_that_it_can_be_opened(run, kind, name):
    result = run("list", kind, "--show", name)
    path = Path(result.stdout.split("File\n")[1].strip())
    assert path.name == f"{name}.yaml"
    assert path.is_file()


@pytest.mark.parametrize(("kind", "name"), [("topologies", "dgx-h100"), ("cost-models", "h100")])
def test_yaml_is_the_file_as_it_is(run, kind, name):
    path = run("list", kind, "--show", name).stdout.split("File\n")[1].strip()
    shown = run("list", kind, "--show", name, "--format", "yaml").stdout
    assert shown == Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [
    ["topologies"], ["methods"], ["topologies", "--show", "dgx-h100", "--nodes", "2"],
])  # fmt: skip
def test_yaml_is_of_one_file(run, arguments):
    result = run("list", *arguments, "--format", "yaml")
    assert result.exit_code == 2
    assert "--format yaml goes with --show NAME" in result.stderr
