import json

import pytest

from shardplan.errors import InputError
from shardplan.explain.numbers.beside_measured import beside_measured
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.beside_report import beside_report
from shardplan.plan.file.measured import Measured


def measured(tmp_path, value):
    path = tmp_path / "measured.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return Measured.read(str(path))


def test_each_phase_has_its_ratio(study, tmp_path):
    predicted = study.plan.prediction.phases["lookup_forward"]
    run = {"phases": {"lookup_forward": 2 * predicted, "unheard_of": 1}, "step_seconds": 1.0}
    found = {p.name: p for p in beside_measured(study.plan, measured(tmp_path, run)).phases}
    assert list(found) == ["lookup_forward", "unheard_of", "step"]
    assert found["lookup_forward"].ratio == pytest.approx(2)
    assert (found["unheard_of"].predicted_seconds, found["unheard_of"].ratio) == (None, None)
    assert found["step"].predicted_seconds == study.plan.prediction.step_seconds


def test_where_only_ranks_were_timed_the_slowest_counts(study, tmp_path):
    run = {"ranks": [{"rank": r, "phases": {"lookup_forward": 0.001 * (r + 1)}} for r in range(3)]}
    found = beside_measured(study.plan, measured(tmp_path, run))
    assert found.phases[0].measured_seconds == 0.003
    assert "update_backward" in found.unmeasured
    assert [rank.rank for rank in found.ranks] == [0, 1, 2]


def test_a_rank_is_compared_over_what_was_measured_of_it(study, tmp_path):
    forecast = study.plan.prediction.ranks[1]
    seconds = {name: 3 * forecast.phases[name] for name in ("lookup_forward", "output_comm")}
    run = {"ranks": [{"rank": 1, "phases": seconds, "memory_bytes": {"hbm": 7}, "cache": {"a": 1}}]}
    (rank,) = beside_measured(study.plan, measured(tmp_path, run)).ranks
    assert rank.ratio == pytest.approx(3)
    assert (rank.measured_hbm_bytes, rank.predicted_hbm_bytes) == (7, forecast.memory_bytes.hbm)


def test_the_report_names_what_was_not_measured(study, tmp_path):
    found = beside_measured(study.plan, measured(tmp_path, {"phases": {"lookup_forward": 1e-3}}))
    text = render_terminal(beside_report(found))
    assert "not measured: ids_comm, prefetch, output_comm" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"phases": {"a": "long"}}', "phases.a"),
        ('{"ranks": [{}]}', "ranks[0]"),
        ("[1", "not valid YAML"),
    ],
)
def test_faults_have_their_place(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        measured(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.diagnostics[0].line > 0


def test_the_dense_part_is_held_against_the_constant_of_the_spec(study, tmp_path):
    seconds = study.plan.prediction.dense_seconds
    found = beside_measured(study.plan, measured(tmp_path, {"phases": {"dense": 2 * seconds}}))
    assert [(p.name, p.predicted_seconds, p.ratio) for p in found.phases] == [("dense", seconds, 2)]
