"""The cost-model file of TorchRec's kind: what it ships, what may be left out, what is refused."""

from dataclasses import fields

import pytest
from torchrec_cases import shipped_constants, shipped_file

from shardplan.cost.torchrec.constants import constants_of
from shardplan.cost.torchrec.file import TorchRecFile, completed
from shardplan.errors import InputError
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import validate

OTHER_LINKS = """\
name: measured
kind: torchrec
bandwidths:
  hbm: 3TB/s
  host_link: {value: 64GB/s, provenance: datasheet, source: board}
  ssd: 1GB/s
  intra_host: 450GB/s
  inter_host: 50GB/s
sources:
  board: the board's datasheet
"""


@pytest.fixture(scope="module")
def shipped():
    return shipped_file()


@pytest.fixture(scope="module")
def constants():
    return shipped_constants()


def parsed(text):
    return validate(TorchRecFile, read_document(text, "mine.yaml"))


def faults(text):
    with pytest.raises(InputError) as caught:
        parsed(text)
    return [(d.line, d.path, d.message) for d in caught.value.diagnostics]


def test_the_shipped_file_has_an_origin_for_every_figure(shipped):
    found = list(shipped.figures())
    assert len(found) == 22
    assert all(figure.source in shipped.sources and figure.provenance for _, figure in found)


def test_every_shipped_figure_reaches_the_estimator(shipped, constants):
    for section in fields(constants):
        for field in fields(getattr(constants, section.name)):
            figure = getattr(getattr(shipped, section.name), field.name)
            assert getattr(getattr(constants, section.name), field.name) == figure.value


def test_sections_left_out_are_the_shipped_ones(shipped, constants):
    mine = constants_of(parsed(OTHER_LINKS), shipped)
    assert mine.bandwidths.hbm == 3e12
    assert mine.bandwidths.inter_host == 5e10
    assert (mine.kernels, mine.memory) == (constants.kernels, constants.memory)


def test_a_completed_file_stands_alone(shipped):
    """It gives the same constants without the shipped file, and keeps the sources of both."""
    value = read_document(OTHER_LINKS, "mine.yaml").value
    whole = TorchRecFile.model_validate(completed(value, shipped.model_dump(mode="json")))
    assert constants_of(whole, whole) == constants_of(parsed(OTHER_LINKS), shipped)
    assert {"board", "constants"} <= set(whole.sources)


def test_two_partial_files_make_no_estimator():
    mine = parsed(OTHER_LINKS)
    with pytest.raises(ValueError, match="measured lacks a section"):
        constants_of(mine, mine)


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "message"),
    [
        ("3TB/s", "3000", 4, "bandwidths.hbm", "needs a unit (got 3000)"),
        ("  ssd: 1GB/s\n", "", 4, "bandwidths.ssd", "is missing"),
        ("ssd:", "sdd:", 6, "bandwidths.sdd", "unknown key 'sdd'"),
        ("source: board", "source: bord", 5, "bandwidths.host_link.source",
         "source 'bord' is not among the file's sources"),
        ("kind: torchrec", "kind: analytic", 2, "kind", "must be torchrec (got 'analytic')"),
    ],
)  # fmt: skip
def test_faults_are_found_at_their_place(old, new, line, path, message):
    assert (line, path, message) in faults(OTHER_LINKS.replace(old, new))
