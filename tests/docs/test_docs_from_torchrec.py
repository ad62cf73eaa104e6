"""The page for those who come from TorchRec's planner, against TorchRec and against the spec."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest
from doc_pages import ROOT, codes, table

from shardplan.cli.commands.solve import solve_command
from shardplan.cost.analytic.phases.all_phases import phase_files
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.cost.torchrec.file import TorchRecFile
from shardplan.spec.spec import Spec
from shardplan.spec.validation.wording import all_keys
from shardplan.topology.schema import TopologyFile

PAGE = ROOT / "docs" / "from-torchrec.md"
SUBJECTS = ("EmbeddingShardingPlanner", "Topology", "ParameterConstraints")


def rows(subject: str) -> dict[str, tuple[str, str]]:
    """What the page says of each argument or field."""
    found = table(PAGE, f"`{subject}`").rows
    return {codes(name)[0]: (here, remark) for name, here, remark in found}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_argument_and_field_has_its_line(subject: str) -> None:
    planner = pytest.importorskip("torchrec.distributed.planner")
    kind = getattr(planner, subject)
    if subject == "ParameterConstraints":
        known = [field.name for field in fields(kind)]
    else:
        known = list(inspect.signature(kind.__init__).parameters)[1:]
    assert list(rows(subject)) == known


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_has_no_counterpart_is_called_missing(subject: str) -> None:
    for name, (here, remark) in rows(subject).items():
        assert here or remark.startswith("missing"), name


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_key_and_option_that_it_names_is_there(subject: str) -> None:
    keys = all_keys(Spec) | all_keys(TopologyFile) | all_keys(ProfileFile) | all_keys(TorchRecFile)
    keys |= {"name", "nodes", *phase_files()}  # of a reference, and of phases
    options = {option for parameter in solve_command.params for option in parameter.opts}
    for here, _ in rows(subject).values():
        for code in codes(here):
            if code.startswith("--"):
                assert code in options, code
            elif not code.startswith("shardplan "):
                parts = re.split(r"\[\]\.|\.", code)
                assert [part for part in parts if part not in keys] == [], code
