"""``serving`` in a spec: what it says, and every fault at its line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from served_specs import served_spec

from shardplan.errors import InputError
from shardplan.serving.served_case import build_served_case, served_case_of_value
from shardplan.spec.load import load_spec, spec_from_value
from shardplan.spec.serving.build_serving import build_serving
from shardplan.workload.serving.stored_format import StoredFormat

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
topology: dgx-h100
serving:
  load: {queries: 6e4/min, peak: 1.5, arrivals: {cv2: 2.5}}
  query: {candidates: 4096}
  slo: {p99: 60ms, p99.9: 100ms}
  quality: {loss_at_most: 0.1%}
  dtypes: [fp16, int8, int4]
defaults: {dim: 64, quality_loss: {int8: 0.0001}}
tables:
  - {name: user, rows: 2e8, side: user, quality_loss: {int4: 0.02}}
  - {name: item, rows: 4e7, pooling: 20, dtypes: [int8, int4], dtype: fp16}
"""


def loaded(folder: Path, text: str):
    (folder / "spec.yaml").write_text(text)
    return load_spec(str(folder / "spec.yaml"))


def faults(folder: Path, *changes: tuple[str, str]) -> list[tuple[int, int, str, str]]:
    """Line, column, path and message of each, in a text with something in place of another."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return [(d.line, d.column, d.path, d.message) for d in loaded(folder, text).faults]


def test_a_spec_says_how_a_model_is_served(tmp_path: Path) -> None:
    spec = loaded(tmp_path, TEXT)
    assert spec.faults == ()
    serving = build_serving(spec.spec)
    assert serving.load.peak_queries_per_second == 1500
    assert serving.load.arrivals_cv2 == 2.5
    assert [(each.name, each.seconds) for each in serving.limits] == [
        ("p99", 0.06), ("p99.9", 0.1),
    ]  # fmt: skip
    assert serving.loss_at_most == pytest.approx(0.001)
    user, item = serving.tables
    assert (user.side.value, item.side.value) == ("user", "item")
    # fp16 of a table trained in fp32 loses what nobody says; a table's own losses come first.
    assert user.losses == {StoredFormat.INT8: 0.0001, StoredFormat.INT4: 0.02}
    assert item.losses == {StoredFormat.INT8: 0.0001}


def test_a_resolved_spec_reads_back_as_the_same_case(tmp_path: Path) -> None:
    case = build_served_case(loaded(tmp_path, TEXT))
    again = served_case_of_value(case.resolved, "resolved")
    assert again.resolved == case.resolved
    assert "batch" not in case.resolved
    assert "training" not in case.resolved


def test_faults_of_every_kind_are_told_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        ("6e4/min", "5000"),
        ("p99.9", "q99"),
        ("candidates: 4096", "candidates: 4096, max: 3"),
        ("topology: dgx-h100", "topology: dgx-h100\ntraining: {optimizer: sgd}"),
    )
    assert found == [
        (2, 1, "training", "does not go with serving"),
        (4, 19, "serving.load.queries", "needs a unit (got 5000)"),
        (5, 10, "serving.query", "'lognormal' and 'max' go together"),
        (6, 25, "serving.slo.q99", "must be a percentile (got 'q99')"),
    ]


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (("dim: 64", "dim: 7"), "", ""),
        (("[int8, int4], dtype: fp16", "[int2]"), "tables[1].quality_loss",
         "nobody says what int2 lose of its quality"),
        (("load: {", "replicas: {max: 2, spare: 2}\n  load: {"), "serving.replicas.spare",
         "leaves none of 2 replicas to serve"),
        (("quality: {loss_at_most: 0.1%}", "quality: {loss_at_most: -1}"),
         "serving.quality.loss_at_most", "must not be less than 0 (got -1)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told(tmp_path, change, path, message) -> None:
    found = faults(tmp_path, change)
    if not path:
        assert found == []  # 7 columns are planned as 8
        return
    assert [(each[2], each[3]) for each in found] == [(path, message)]


def test_a_machine_that_a_replica_cannot_be_is_refused() -> None:
    for changes, word in (
        ({"topology": {"name": "dgx-h100", "nodes": 2}}, "within one node"),
        ({"replicas": {"devices": 3}}, "do not divide"),
        ({"replicas": {"devices": 16}}, "a node of dgx-h100 has 8"),
        ({"dense": {"cpu": {"base": "1ms"}}}, "says nothing of gpu"),
    ):
        with pytest.raises(InputError, match=word):
            build_served_case(spec_from_value(served_spec(**changes), "spec"))
