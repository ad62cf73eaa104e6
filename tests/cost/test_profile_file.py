"""Cost-model files: what is refused and how, and what the shipped ones must say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml
from analytic_cases import COST_MODELS, profile

from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.errors import InputError
from shardplan.spec.text.document import read_document, read_file
from shardplan.spec.validation.validation import validate
from shardplan.topology.collective import Collective

DATA = Path(__file__).parents[3] / "shared" / "data"
MEASURED = [
    ("a100", "A100-SXM4-80GB"),
    ("h100", "H100-SXM5-80GB"),
    ("h200", "H200-SXM5-141GB"),
    ("b200", "B200-SXM6"),
    ("b300", "B300-SXM6"),
    ("gb200", "GB200"),
    ("gb300", "GB300"),
    ("l40s", "L40S-PCIe4"),
    ("rtx-pro-6000", "RTX-PRO-6000-PCIe5"),
]
"""Profiles, and the devices whose collectives they carry."""
SHIPPED = ["cpu", *(name for name, _ in MEASURED)]

SMALL = """name: small
lookup_forward:
  launch: 5us
  hbm: {per_id: 1ns, read: 1TB/s}
  ddr: {per_id: 1ns, path_read: 0.5}
update_backward:
  launch: 5us
  hbm: {per_id: 2ns, unique: 500GB/s}
  ddr: {per_id: 2ns, path_unique: 0.25}
dense_update: 1TB/s
scale_up:
  link: 100GB/s
  curves:
    - {collective: all_to_all, ranks: 2, points: [[1MiB, 20us], [2MiB, 30us]]}
    - {collective: reduce_scatter, ranks: 2, points: [[1MiB, 20us], [2MiB, 30us]]}
    - {collective: all_gather, ranks: 2, points: [[1MiB, 20us], [2MiB, 30us]]}
    - {collective: all_reduce, ranks: 2, points: [[1MiB, 20us], [2MiB, 30us]]}
scale_out: {efficiency: 0.5, latency: 10us, latency_per_node: 1us}
"""


def refusal(old, new):
    """The only diagnostic of the small file after one replacement."""
    assert old in SMALL
    with pytest.raises(InputError) as caught:
        validate(ProfileFile, read_document(SMALL.replace(old, new, 1), "small.yaml"))
    (found,) = caught.value.diagnostics
    return found


def test_plain_figures_need_no_origin():
    """Somebody's own file may leave sources out; rates become seconds per byte."""
    small = build_profile(validate(ProfileFile, read_document(SMALL, "small.yaml")))
    assert small.lookup_forward.hbm.per_id == pytest.approx(1e-9)
    assert small.lookup_forward.hbm.per_read_byte == pytest.approx(1e-12)
    assert small.lookup_forward.hbm.per_table == 0
    assert small.lookup_forward.ddr_path.read == 0.5
    assert small.update_backward.ddr_path.unique == 0.25
    assert small.scale_up.curves[Collective.ALL_GATHER, 2].points == (
        (2**20, pytest.approx(20e-6)), (2**21, pytest.approx(30e-6)),
    )  # fmt: skip


def test_a_negative_rate_is_refused_at_its_place():
    found = refusal("read: 1TB/s", "read: -1TB/s")
    assert (found.line, found.column) == (4, 28)
    assert "negative" in found.message


def test_a_rate_without_a_unit_is_refused():
    found = refusal("dense_update: 1TB/s", "dense_update: 1e12")
    assert (found.line, found.column) == (10, 15)
    assert "unit" in found.message


def test_a_falling_curve_is_refused_at_the_point_where_it_falls():
    found = refusal("[2MiB, 30us]]}", "[2MiB, 19us]]}")
    assert (found.line, found.column) == (14, 72)
    assert found.path == "scale_up.curves[0].points[1][1]"
    assert "falls" in found.message
    assert "smooth" in found.hint


def test_points_out_of_order_are_refused():
    found = refusal("[[1MiB, 20us], [2MiB, 30us]]}", "[[2MiB, 20us], [1MiB, 30us]]}")
    assert (found.line, found.column) == (14, 66)
    assert "sort" in found.hint


def test_a_single_point_is_no_curve():
    found = refusal("[[1MiB, 20us], [2MiB, 30us]]", "[[1MiB, 20us]]")
    assert found.line == 14
    assert found.path == "scale_up.curves[0].points"


def test_an_unknown_collective_is_refused():
    found = refusal("collective: all_to_all", "collective: alltoall")
    assert (found.line, found.column) == (14, 20)
    assert "all_to_all" in found.message + found.hint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("read: 1TB/s", "read: -1TB/s"),
        ("per_id: 1ns, read", "per_id: -1ns, read"),
        ("read: 1TB/s", "read: 0GB/s"),
        ("launch: 5us", "launch: 5"),
        ("[[1MiB, 20us], [2MiB, 30us]]", "[[1MiB, 20us]]"),
        ("[[1MiB, 20us], [2MiB, 30us]]", "[]"),
        (", points: [[1MiB, 20us], [2MiB, 30us]]", ""),
        ("[1MiB, 20us], ", "[0B, 20us], "),
        ("[1MiB, 20us], ", "[1MiB], "),
        ("collective: all_to_all", "collective: alltoall"),
        ("collective: all_to_all", "collective: broadcast"),
        ("ranks: 2", "ranks: 1"),
        ("efficiency: 0.5", "efficiency: 1.5"),
        ("efficiency: 0.5", "efficiency: 0"),
        ("dense_update: 1TB/s\n", ""),
        ("read: 1TB/s", "cached_read: 1TB/s"),
        ("name: small\n", "name: small\non_chip_cache: 50MB\n"),
    ],
)
def test_what_is_refused_has_a_line_and_a_hint(old, new):
    found = refusal(old, new)
    assert found.line > 0
    assert found.hint


def test_a_collective_without_a_curve_is_named():
    found = refusal(
        "    - {collective: all_gather, ranks: 2, points: [[1MiB, 20us], [2MiB, 30us]]}\n", ""
    )
    assert found.line == 12
    assert "no curve of all_gather" in found.message


def test_a_second_curve_of_the_same_kind_is_refused():
    found = refusal("collective: all_gather", "collective: all_to_all")
    assert found.path == "scale_up.curves[2]"
    assert found.line == 16


def test_an_unknown_key_is_refused_with_the_likely_one():
    found = refusal("per_id: 1ns", "per_ids: 1ns")
    assert found.line == 4
    assert "per_id" in found.hint


def test_an_efficiency_above_one_is_refused_across_nodes():
    assert refusal("efficiency: 0.5", "efficiency: 1.5").path == "scale_out.efficiency"


def test_a_source_that_the_file_does_not_explain_is_refused():
    found = refusal("dense_update: 1TB/s", "dense_update: {value: 1TB/s, source: paper}")
    assert found.path == "dense_update.source"
    assert "paper" in found.message


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_figure_says_where_it_is_from(name):
    """Each has a provenance and a source that the file explains, and each explanation is used."""
    file = validate(ProfileFile, read_file(str(COST_MODELS / f"{name}.yaml")))
    assert file.name == name
    figures = list(file.figures())
    assert len(figures) > 20
    assert [path for path, figure in figures if not (figure.source and figure.provenance)] == []
    assert {figure.source for _, figure in figures} == set(file.sources)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_plain_yaml(name):
    """Any YAML reader sees the same text: no anchors, no marks of our own."""
    text = (COST_MODELS / f"{name}.yaml").read_text()
    assert yaml.safe_load(text) == read_file(str(COST_MODELS / f"{name}.yaml")).value


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not beside the project")
@pytest.mark.parametrize(("name", "device"), MEASURED)
def test_curves_give_back_what_was_measured(name, device):
    """Half of the sizes of each curve within 2.5%, nine of ten of all curves within 6%.

    Every collective of every number of devices that was measured has its curve, from the smallest
    size to the largest.
    """
    names = {"alltoall": Collective.ALL_TO_ALL} | {kind.value: kind for kind in Collective}
    curves, measured = profile(name).scale_up.curves, {}
    with (DATA / "nccl_collectives.csv").open() as file:
        for line in csv.DictReader(file):
            if line["device"] == device:
                key = names[line["collective"]], int(line["devices"])
                point = int(line["message_bytes"]), float(line["latency_us"]) * 1e-6
                measured.setdefault(key, []).append(point)
    assert set(curves) == set(measured)
    for key, points in measured.items():
        assert [curves[key].points[0][0], curves[key].points[-1][0]] == [2**9, 2**29]
        off = sorted(abs(curves[key].seconds(size) / seconds - 1) for size, seconds in points)
        assert off[len(off) // 2] < 0.025
    off = sorted(
        abs(curves[key].seconds(size) / seconds - 1)
        for key, points in measured.items()
        for size, seconds in points
    )
    assert off[int(len(off) * 0.9)] < 0.06
