"""What is wrong with a topology file is said at its line, all at once."""

from __future__ import annotations

import pytest

from shardplan.errors import InputError
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.schema import TopologyFile

GOOD = """\
name: mine
cost_model: h100
nodes: 4
devices_per_node: 2
device:
  hbm: {capacity: 80GiB, read: 3TB/s}
  host_link: 64GB/s
scale_up: {kind: switch, bandwidth: 450GB/s, nodes: 1}
nics: {count: 2, rate: 400Gb/s}
fabric:
- {name: rack, nodes: 2, oversubscription: 2}
- {name: pod, nodes: 4}
"""


def read(text: str) -> TopologyFile:
    return validate(TopologyFile, read_document(text, "mine.yaml"))


def faults(text: str) -> list[tuple[int, str, str]]:
    """Line, path and message of each fault."""
    with pytest.raises(InputError) as caught:
        read(text)
    return [(fault.line, fault.path, fault.message) for fault in caught.value.diagnostics]


def test_figures_may_be_plain_or_with_their_origin() -> None:
    plain = read(GOOD)
    told = read(
        GOOD.replace("64GB/s", "{value: 64GB/s, provenance: datasheet, source: sheet}")
        + "sources: {sheet: a datasheet}\n"
    )
    assert plain.device.host_link.value == told.device.host_link.value == 64e9
    assert told.device.host_link.provenance == "datasheet"


@pytest.mark.parametrize(
    ("good", "bad", "line", "path", "words"),
    [
        ("80GiB", "80", 6, "device.hbm.capacity", "needs a unit"),
        ("64GB/s", "64GB", 7, "device.host_link", "rate"),
        ("64GB/s", "0GB/s", 7, "device.host_link", "more than 0"),
        ("64GB/s", "-1GB/s", 7, "device.host_link", "negative"),
        ("64GB/s", "{value: 64GB/s, sauce: x}", 7, "device.host_link.sauce", "unknown key"),
        ("64GB/s", "{source: x}", 7, "device.host_link.value", "missing"),
        ("64GB/s", "{value: 64GB/s, provenance: guess}", 7, "device.host_link.provenance", "must"),
        ("64GB/s", "{value: 64GB/s, source: x}", 7, "device.host_link.source", "'x'"),
        ("kind: switch", "kind: torus", 8, "scale_up.kind", "must be"),
        ("devices_per_node: 2", "devices_per_node: 0", 4, "devices_per_node", "at least 1"),
        ("count: 2", "count: 1.5", 9, "nics.count", "whole number"),
        ("oversubscription: 2", "oversubscription: 0.5", 11, "fabric[0].oversubscription", "1"),
        ("pod, nodes: 4", "pod, nodes: 3", 12, "fabric[1].nodes", "groups of 2"),
        ("name: pod", "name: rack", 12, "fabric[1].name", "taken"),
        ("name: pod", "name: nic", 12, "fabric[1].name", "taken"),
        ("pod, nodes: 4", "pod, nodes: 1e308", 12, "fabric[1].nodes", "100,000"),
        ("450GB/s, nodes: 1", "450GB/s, nodes: 1e19", 8, "scale_up.nodes", "100,000"),
        ("450GB/s, nodes: 1", "450GB/s, nodes: 3", 11, "fabric[0].nodes", "domains of 3"),
        ("nodes: 4\ndev", "nodes: 40_000_000\ndev", 3, "nodes", "more than 100,000 devices"),
        ("nics: {count: 2, rate: 400Gb/s}", "nics:", 3, "nodes", "no nics"),
        ("cost_model: h100\n", "", 1, "cost_model", "missing"),
    ],
)
def test_a_fault_is_reported_where_it_is(
    good: str, bad: str, line: int, path: str, words: str
) -> None:
    assert good in GOOD
    ((found_line, found_path, message),) = faults(GOOD.replace(good, bad))
    assert (found_line, found_path) == (line, path)
    assert words in message


def test_a_misspelt_key_is_recognised() -> None:
    with pytest.raises(InputError) as caught:
        read(GOOD.replace("host_link", "host_lnk"))
    hints = [fault.hint for fault in caught.value.diagnostics]
    assert "did you mean 'host_link'?" in hints


def test_all_faults_are_reported_at_once() -> None:
    text = GOOD.replace("80GiB", "80").replace("count: 2", "count: none")
    assert [line for line, _, _ in faults(text)] == [6, 9]


def test_other_nodes_than_the_machine_can_have_are_refused() -> None:
    file = read(GOOD[: GOOD.index("fabric")].replace("450GB/s, nodes: 1", "450GB/s, nodes: 2"))
    assert build_topology(file, 1).world_size == 2
    assert build_topology(file, 6).world_size == 12
    with pytest.raises(InputError, match="5 nodes do not divide into scale-up domains of 2"):
        build_topology(file, 5)
