"""A cost model corrected: what is fitted, against plants whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from planted_job import Machine, Simulator, Table
from planted_tuning import EXACT

from shardplan import load, plan
from shardplan.cost.profile.corrections import Correction, Corrections
from shardplan.options.constraint import Constraint
from shardplan.plan.predict import predict
from shardplan.sharding.kind import ShardingType
from shardplan.tune.candidates.candidate import decisions_of
from shardplan.tune.correct.anatomy import Anatomy
from shardplan.tune.correct.corrected_case import corrected_case, corrected_cost_model
from shardplan.tune.correct.corrected_prediction import CorrectedPrediction
from shardplan.tune.correct.observation import Observation
from shardplan.tune.correct.posterior import Posterior
from shardplan.tune.correct.unknowns import Unknowns
from shardplan.tune.tune_params import Priors

TABLES = tuple(Table(f"t{n}", 1_000 * (n + 1) ** 2, 32, float(n + 1)) for n in range(6))
KINDS = (
    ShardingType.TABLE_WISE,
    ShardingType.ROW_WISE,
    ShardingType.COLUMN_WISE,
    ShardingType.DATA_PARALLEL,
)
MIXES = [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3), (0, 1, 2), (1, 3, 0), (2, 0, 3)]


@pytest.fixture(scope="module")
def case():
    return load(Simulator(Machine(), TABLES, 1024).spec())


@pytest.fixture(scope="module")
def plans(case):
    """Decisions of plans whose tables have this type or that."""
    found = []
    for mix in MIXES:
        demands = [
            Constraint((table, table + 3), sharding=(KINDS[kind],))
            for table, kind in enumerate(mix)
        ]
        found.append(decisions_of(plan(case.demanding(*demands), EXACT), case))
    return found


def observed(truth, decisions, *, tells_phases=True) -> Observation:
    """As a job would measure it where the model is ``truth``."""
    seen = predict(truth, decisions)
    names = [phase.name for phase in seen.phases]
    phases = dict(zip(names, seen.phase_seconds.tolist(), strict=True)) if tells_phases else {}
    return Observation(decisions, seen.step_seconds, phases, runs=5, noise=0.005)


def planted(case, *corrections):
    model = corrected_cost_model(case, Corrections())
    value = model | {"corrections": list(corrections)}
    return load(case.resolved | {"cost_model": value})


def corrected(case, posterior):
    return corrected_case(case, posterior.unknowns.corrections(posterior.values))


def test_nothing_is_corrected_where_the_model_is_right(case, plans):
    posterior = Posterior.of(case, [observed(case, each) for each in plans], Priors())
    assert posterior.values == pytest.approx(0, abs=1e-6)
    assert posterior.unknowns.corrections(posterior.values).each == ()


@pytest.mark.parametrize("phase", ["output_comm", "update_backward", "lookup_forward"])
def test_a_phase_that_takes_three_times_as_long_is_found(case, plans, phase):
    truth = planted(case, {"phase": phase, "factor": 3.0})
    posterior = Posterior.of(case, [observed(truth, each) for each in plans], Priors())
    corrections = posterior.unknowns.corrections(posterior.values)
    assert corrections.factor_of(phase) == pytest.approx(3.0, rel=0.25)
    for decisions in plans:
        step = predict(corrected(case, posterior), decisions).step_seconds
        assert step == pytest.approx(predict(truth, decisions).step_seconds, rel=0.01)


@pytest.mark.parametrize("tells_phases", [True, False], ids=["phases", "steps alone"])
def test_a_cost_of_each_table_of_a_type_is_found(case, plans, tells_phases):
    plant = {"phase": "overhead", "sharding": "row_wise", "per_table": "500us"}
    truth = planted(case, plant)
    seen = [observed(truth, each, tells_phases=tells_phases) for each in plans]
    posterior = Posterior.of(case, seen, Priors())
    for decisions in plans:
        step = predict(corrected(case, posterior), decisions).step_seconds
        assert step == pytest.approx(predict(truth, decisions).step_seconds, rel=0.02)


def test_one_plan_alone_is_shrunk_towards_the_calibrated_model(case, plans):
    """Twice the step may be this or that: no single factor is taken for all of it."""
    one = observed(case, plans[4], tells_phases=False)
    slow = Observation(one.decisions, 2 * one.step_seconds, {}, 1, 0.02)
    posterior = Posterior.of(case, [slow], Priors())
    assert predict(corrected(case, posterior), plans[4]).step_seconds == pytest.approx(
        2 * one.step_seconds, rel=0.05
    )
    factors = np.exp(posterior.values[~posterior.unknowns.is_positive])
    assert factors.max() < 2


def test_the_corrected_prediction_is_that_of_the_corrected_case(case, plans):
    generator = np.random.default_rng(3)
    anatomies = [Anatomy.of(case, each) for each in plans]
    unknowns = Unknowns.of(anatomies, 0.005, Priors())
    values = 0.5 * generator.standard_normal(len(unknowns.deviation))
    values = np.where(unknowns.is_positive, np.abs(values) * 0.1, values)
    there = corrected_case(case, unknowns.corrections(values))
    for anatomy, decisions in zip(anatomies, plans, strict=True):
        found = CorrectedPrediction.of(anatomy, unknowns, values)
        expected = predict(there, decisions)
        assert found.step_seconds == pytest.approx(expected.step_seconds, rel=2e-3)
        assert found.phase_seconds == pytest.approx(expected.phase_seconds, rel=2e-3)


def test_slopes_are_those_of_small_differences(case, plans):
    anatomy = Anatomy.of(case, plans[5])
    unknowns = Unknowns.of([Anatomy.of(case, each) for each in plans], 0.005, Priors())
    generator = np.random.default_rng(4)
    values = 0.2 * np.abs(generator.standard_normal(len(unknowns.deviation)))
    found = CorrectedPrediction.of(anatomy, unknowns, values)
    for position in range(len(values)):
        step = np.zeros(len(values))
        step[position] = 1e-6
        more, less = (
            CorrectedPrediction.of(anatomy, unknowns, values + sign * step) for sign in (1, -1)
        )
        slope = (more.step_seconds - less.step_seconds) / 2e-6
        assert found.step_slopes[position] == pytest.approx(slope, rel=1e-4, abs=1e-9)


def test_a_model_corrected_twice_is_corrected_by_both(case, plans):
    once = planted(case, {"phase": "output_comm", "factor": 2.0, "per_step": "1ms"})
    twice = corrected_case(once, Corrections((Correction("output_comm", None, 1.5),)))
    names = [phase.name for phase in twice.cost_model.phases]
    at = names.index("output_comm")
    before, first, second = (
        predict(each, plans[0]).phase_seconds[at] for each in (case, once, twice)
    )
    assert first == pytest.approx(2 * before + 1e-3)
    assert second == pytest.approx(1.5 * first)
