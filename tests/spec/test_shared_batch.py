"""A global batch is shared by the devices evenly, or refused at its place."""

import pytest

from shardplan.build_case import build_case, case_of_value
from shardplan.errors import InputError
from shardplan.spec.load import load_spec

SPEC = """\
name: small
batch: {global: %d}
topology: {name: dgx-h100, nodes: 2}
tables: [{name: t, rows: 1000, dim: 16}]
"""


def case_of(tmp_path, samples):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC % samples)
    return build_case(load_spec(str(path)))


@pytest.mark.parametrize(
    ("samples", "hint"),
    [
        (1000, "write 992 or 1008"),
        (17, "write 16 or 32"),
        (5, "write 16"),
        (65537, "write 65536 or"),
    ],
)
def test_a_batch_of_unequal_shares_is_refused_with_the_nearest_that_are_equal(
    tmp_path, samples, hint
):
    with pytest.raises(InputError) as refused:
        case_of(tmp_path, samples)
    (fault,) = refused.value.diagnostics
    assert (fault.line, fault.path) == (2, "batch.global")
    assert "no whole number on each of 16 devices" in fault.message
    assert fault.hint.startswith(hint)


def test_a_batch_of_equal_shares_is_planned(tmp_path):
    assert case_of(tmp_path, 1008).workload.global_batch == 1008


def test_a_plan_of_an_older_version_is_read_with_any_batch(tmp_path):
    resolved = case_of(tmp_path, 1008).resolved | {"batch": {"global": 1000}}
    assert case_of_value(resolved, "plan.json").workload.global_batch == 1000
