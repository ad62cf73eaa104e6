"""The machines that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.spec.text.document import read_file
from shardplan.spec.validation.validation import validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.schema import TopologyFile

FOLDER = Path(__file__).parents[2] / "topologies"
COST_MODELS = {path.stem for path in (FOLDER.parent / "cost_models").glob("*.yaml")}
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
G = 1e9


def preset(name: str) -> TopologyFile:
    return validate(TopologyFile, read_file(str(FOLDER / f"{name}.yaml")))


def test_the_promised_presets_are_there() -> None:
    promised = {
        "zionex", "zion", "dgx-a100-80", "dgx-h100", "dgx-h200", "dgx-b200", "gb200-nvl72",
        "aws-p4d", "aws-p5", "aws-p5en", "gcp-a3-mega", "mi300x", "l40s-pcie", "cpu-2s",
        "workstation",
    }  # fmt: skip
    assert promised <= set(NAMES)
    assert {preset(name).cost_model for name in NAMES} <= COST_MODELS


def test_an_earlier_name_still_means_the_same_machine() -> None:
    fixed = {"name": "dgx-a100-80", "description": ""}
    first, now = (preset(name).model_copy(update=fixed) for name in ("dgx-a100", "dgx-a100-80"))
    assert first == now


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_where_it_is_from(name: str) -> None:
    """And every source is used, and the file is named after its machine."""
    file = preset(name)
    figures = dict(file.figures())
    bare = [path for path, figure in figures.items() if not (figure.source and figure.provenance)]
    assert bare == []
    assert {figure.source for figure in figures.values()} == set(file.sources)
    assert file.name == name


@pytest.mark.parametrize("name", NAMES)
def test_written_out_and_read_again_it_is_the_same(name: str) -> None:
    file = preset(name)
    assert TopologyFile.model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nodes", [1, 2, 4, 36])
def test_presets_scale_with_nodes(name: str, nodes: int) -> None:
    file = preset(name)
    if file.problem_with(nodes):
        pytest.skip("not a whole number of scale-up domains")
    topology = build_topology(file, nodes)
    assert topology.world_size == nodes * file.devices_per_node
    moved = sum(level.bytes_share for level in topology.route(Collective.ALL_TO_ALL, Scope.ALL))
    assert moved == pytest.approx(1 - 1 / topology.world_size)


@pytest.mark.parametrize(
    ("name", "nodes", "scale_up", "scale_out"),
    [
        ("zionex", 16, 300 * G, 25 * G),
        ("dgx-a100-80", 2, 300 * G, 25 * G),
        ("dgx-h100", 2, 450 * G, 50 * G),
        ("dgx-h200", 2, 450 * G, 50 * G),
        ("aws-p4d", 2, 300 * G, 6.25 * G),  # four 12.5 GB/s NICs for eight devices
        ("dgx-b200", 2, 900 * G, 50 * G),
        ("aws-p5en", 2, 450 * G, 50 * G),  # two 25 GB/s NICs for each device
        ("gcp-a3-mega", 2, 450 * G, 25 * G),
        ("cpu-2s", 2, 60 * G, 12.5 * G),
        ("aws-p5", 2, 450 * G, 50 * G),  # four 12.5 GB/s NICs for each device
        ("zion", 2, 175 * G, 12.5 * G),  # seven links of 25 GB/s; a 12.5 GB/s NIC per device
        ("mi300x", 2, 448 * G, 50 * G),  # seven links of 64 GB/s
        ("gb200-nvl72", 36, 900 * G, 50 * G),
    ],
)
def test_an_all_to_all_gets_what_the_links_give(
    name: str, nodes: int, scale_up: float, scale_out: float
) -> None:
    topology = build_topology(preset(name), nodes)
    rates = {
        level.name: level.bytes_per_second
        for level in topology.route(Collective.ALL_TO_ALL, Scope.ALL)
    }
    assert rates == {"scale_up": pytest.approx(scale_up), "scale_out": pytest.approx(scale_out)}


def test_sixteen_zionex_nodes_hold_what_the_paper_says() -> None:
    """128 devices with about 5 TB of HBM and 24 TB of DDR (Mudigere et al. 2021)."""
    topology = build_topology(preset("zionex"), 16)
    assert topology.world_size == 128
    assert topology.world_size * topology.hbm.capacity_bytes == pytest.approx(5.5e12, rel=0.01)
    assert topology.ddr is not None
    assert topology.nodes * topology.ddr.capacity_bytes == 24 * 10**12


def test_an_nvl72_is_one_scale_up_domain() -> None:
    """72 devices in 18 trays, no NIC in use."""
    topology = build_topology(preset("gb200-nvl72"))
    (level,) = topology.route(Collective.ALL_TO_ALL, Scope.ALL)
    assert (level.name, level.ranks) == ("scale_up", 72)
