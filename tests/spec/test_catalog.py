"""Names and paths of topologies and cost models."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import SEARCH_PATH, Kind, find, names
from shardplan.spec.catalog.source import cost_model_source, topology_source
from shardplan.spec.load import load_document
from shardplan.spec.text.document import read_document

TABLES = "batch: {local: 1}\ntables: [{name: t, rows: 1, dim: 4}]\n"


def load(rest: str, base: Path):
    return load_document(read_document(TABLES + rest, "s.yaml"), base)


def fault_of(source, *arguments) -> tuple[int, int, str, str, str]:
    with pytest.raises(InputError) as caught:
        source(*arguments)
    (d,) = caught.value.diagnostics
    return d.line, d.column, d.path, d.message, d.hint


def test_shipped_files_are_known_by_name() -> None:
    assert {"dgx-h100", "zionex"} <= set(names(Kind.TOPOLOGY))
    assert {"h100", "a100"} <= set(names(Kind.COST_MODEL))
    assert find(Kind.TOPOLOGY, "dgx-h100", Path()).file.endswith("topologies/dgx-h100.yaml")


def test_the_search_path_comes_before_what_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine" / "topologies"
    folder.mkdir(parents=True)
    (folder / "dgx-h100.yaml").write_text("a: 1\n")
    (folder / "ours.yaml").write_text("a: 2\n")
    monkeypatch.setenv(SEARCH_PATH, f"{tmp_path / 'none'}:{tmp_path / 'mine'}")
    assert find(Kind.TOPOLOGY, "dgx-h100", Path()).text == "a: 1\n"
    assert "ours" in names(Kind.TOPOLOGY)
    assert "ours" not in names(Kind.COST_MODEL)


def test_a_path_starts_at_the_folder_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "here.yaml").write_text("a: 3\n")
    for rest in ("topology: here.yaml", "topology: ./here.yaml", "topology: {path: here.yaml}"):
        source = topology_source(load(rest, tmp_path))
        assert (source.name, source.value, source.nodes) == ("here", {"a": 3}, None)


def test_a_preset_is_scaled_to_the_nodes_asked_for(tmp_path: Path) -> None:
    source = topology_source(load("topology: {name: dgx-h100, nodes: 4}", tmp_path))
    assert (source.name, source.nodes, source.at) == ("dgx-h100", 4, ())


def test_what_is_written_inline_keeps_its_lines(tmp_path: Path) -> None:
    source = topology_source(load("topology:\n  name: lab\n  devices_per_node: 3\n", tmp_path))
    assert (source.name, source.at) == ("lab", ("topology",))
    assert source.document.place_of((*source.at, "devices_per_node"))[:2] == (5, 21)


def test_the_topology_names_the_cost_model_unless_the_spec_does(tmp_path: Path) -> None:
    loaded = load("topology: dgx-h100\n", tmp_path)
    assert cost_model_source(loaded, "a100").name == "a100"
    loaded = load("topology: dgx-h100\ncost_model: h100\n", tmp_path)
    assert cost_model_source(loaded, "a100").name == "h100"


def test_a_hash_speaks_of_the_value_alone(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: 1\ny: 2\n")
    (tmp_path / "b.yaml").write_text("# the same\n{y: 2, x: 1}\n")
    (tmp_path / "c.yaml").write_text("x: 1\ny: 3\n")
    a, b, c = (topology_source(load(f"topology: {n}.yaml", tmp_path)).sha256 for n in "abc")
    assert a == b != c


def test_an_unknown_name_is_told_at_the_line_of_the_spec(tmp_path: Path) -> None:
    loaded = load("topology: {name: dgx-h10}\n", tmp_path)
    assert fault_of(topology_source, loaded) == (
        3, 18, "topology.name", "unknown topology 'dgx-h10'", "did you mean 'dgx-h100'?"
    )  # fmt: skip
    loaded = load("topology: x\ncost_model: nothing-like-it\n", tmp_path)
    told = fault_of(cost_model_source, loaded, "h100")
    assert told[:4] == (4, 13, "cost_model", "unknown cost model 'nothing-like-it'")
    assert told[4].startswith("known: a100")


def test_a_missing_file_is_told_at_the_line_of_the_spec(tmp_path: Path) -> None:
    told = fault_of(topology_source, load("topology: ./none.yaml\n", tmp_path))
    assert told[:3] == (3, 11, "topology")
    assert told[3] == "cannot read ./none.yaml: No such file or directory"
    told = fault_of(topology_source, load("topology: {path: none.yaml}\n", tmp_path))
    assert told[2:4] == ("topology.path", "cannot read none.yaml: No such file or directory")


def test_a_broken_file_is_told_at_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: 1\na: 2\n")
    assert fault_of(topology_source, load("topology: broken.yaml\n", tmp_path))[:2] == (2, 1)


@pytest.mark.parametrize("name", ["../secrets", "/dev/none/x", "a\x00.yaml", "..", "\ud800"])
def test_odd_names_end_in_a_plain_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        find(Kind.TOPOLOGY, name, tmp_path / "nowhere")
