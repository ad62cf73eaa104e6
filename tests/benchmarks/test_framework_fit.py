"""The shipped figures of TorchRec on CPUs against the fit that they are said to be from."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.cost.select import read_framework
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import named_source


def test_the_shipped_figures_are_those_of_the_fit():
    from framework_fit import fit

    file = read_framework(named_source(Kind.FRAMEWORK, "torchrec-gloo", Path()))
    ids, outputs = fit("ids_ms").seconds, fit("out_ms").seconds
    assert file.ids_comm.per_group.value == pytest.approx(ids["per_group"], rel=0.01)
    assert file.ids_comm.per_table.value == pytest.approx(ids["per_table"], rel=0.01)
    assert ids["per_id"] == 0
    assert file.output_comm.per_group.value == pytest.approx(outputs["per_group"], rel=0.01)
    assert 1 / file.output_comm.output.value == pytest.approx(outputs["per_byte"], rel=0.01)


def test_rows_that_had_no_part_in_the_fit_are_predicted_as_its_source_says():
    from framework_fit import fit, mean_error

    ids, outputs = fit("ids_ms"), fit("out_ms")
    assert (len(ids.held_out_errors), len(outputs.held_out_errors)) == (5, 4)
    assert mean_error(ids.held_out_errors) == pytest.approx(0.08, abs=0.005)
    assert mean_error(outputs.held_out_errors) == pytest.approx(0.21, abs=0.005)
