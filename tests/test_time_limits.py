"""Every part of a command is handed what is left of one time limit."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from random_specs import build
from test_infeasible import WHOLE_IN_DDR, make_spec

from shardplan import build_case
from shardplan.case import Case
from shardplan.cli.main import cli
from shardplan.cli.solving import advice
from shardplan.cli.solving import solve_one as solve_module
from shardplan.errors import Infeasible, Interrupted, NoPlanFound
from shardplan.plan.file.write import write
from shardplan.plan.verify import verify
from shardplan.planning import baseline, formulate, planner, rehearsal, shortfall
from shardplan.planning.drafts import drafts as drafts_module
from shardplan.planning.pace import Pace
from shardplan.planning.planner import Drafts, make_plan
from shardplan.solve import settings
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending, Outcome
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.program.answer import Answer, Status
from shardplan.solve.reporter import Reporter
from shardplan.solve.search import record
from shardplan.solve.search.search_params import SearchParams, SharedParams
from shardplan.solve.settings import PUBLISHED, Settings
from shardplan.whatif import resume, why_not
from shardplan.whatif.choice import Choice
from shardplan.whatif.conflict import least_subset
from shardplan.whatif.trials import Trials

CROWDED = make_spec(*[2_300_000] * 5, hbm="1GB")
"""Five tables of 0.6 devices each on four devices."""
ROOMY = make_spec(1000, 2000)


class Clock:
    """Stands still but for what is said to take time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self)

    def taking(self, seconds, function):
        """The function, which takes that many seconds by this clock."""

        def slow(*given, **named):
            self.now += seconds
            return function(*given, **named)

        return slow


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in (planner, solve_module, why_not):
        monkeypatch.setattr(module, "Deadline", SimpleNamespace(after=made.after))
    return made


def test_a_deadline_within_another_is_the_earlier_one(clock):
    deadline = clock.after(10)
    assert (deadline.within(3).seconds_left, deadline.within(30).seconds_left) == (3, 10)
    clock.now += 12
    assert (deadline.seconds_left, deadline.is_over) == (0, True)
    assert deadline.within(3).is_over


def test_how_much_is_short_is_looked_for_until_the_deadline(clock, monkeypatch):
    given = []

    def until_the_limit(program, limits):
        given.append(limits.until.seconds_left)
        clock.now = limits.until.at_seconds
        return Answer(Status.INFEASIBLE)

    monkeypatch.setattr(shortfall, "solve_program", until_the_limit)
    spec = build(CROWDED)
    problem = formulate.formulate(spec).problem
    (found,) = shortfall.shortfalls(spec, problem, clock.after(30))
    assert given == [20, 10]
    assert (found.resource.startswith("way to pack them"), found.missing) == (True, 1)
    assert "of the fullest, " in found.note


def test_a_solve_has_what_formulating_leaves_and_half_of_the_rest_is_for_what_is_short(
    clock, monkeypatch
):
    limits = []

    def proving(problem, settings, *others):
        limits.append(settings.time_limit_seconds)
        clock.now += 2
        return SimpleNamespace(is_infeasible=True)

    def explained(case, problem, deadline):
        limits.append(deadline.seconds_left)
        return []

    monkeypatch.setattr(planner, "formulate", clock.taking(3, formulate.formulate))
    monkeypatch.setattr(planner, "solve", proving)
    monkeypatch.setattr(planner, "shortfalls", explained)
    with pytest.raises(Infeasible):
        make_plan(build(CROWDED), Settings(time_limit_seconds=10), Reporter())
    assert limits == [7, 2.5]


@pytest.fixture
def slow_writing(clock, monkeypatch):
    """Parts of making a plan take a second each, and more for each table."""
    for name, each in (("build_plan", 0.1), ("verify", 0.2), ("render", 0.3)):
        real = getattr(rehearsal, name)

        def slow(first, *given, real=real, each=each):
            case = first if isinstance(first, Case) else given[0] if given else None
            tables = first.table_count if case is None else len(case.workload.tables)
            clock.now += 1 + each * tables
            return real(first, *given)

        monkeypatch.setattr(rehearsal, name, slow)
    monkeypatch.setattr(rehearsal, "_SIZES", (2, 2, 6))


def test_what_a_plan_takes_is_told_by_plans_of_a_few_of_its_tables(clock, slow_writing):
    spec = build(make_spec(*range(1000, 1040)))
    found = rehearsal.Rehearsal.of(spec, clock)
    assert found.building == pytest.approx(1 + 0.1 * 40)
    assert found.verifying == pytest.approx(1 + 0.2 * 40)
    assert found.rendering == pytest.approx(1 + 0.3 * 40)
    assert found.drafting == pytest.approx(3 + 0.6 * 40)
    few = build(make_spec(1000))
    assert rehearsal.Rehearsal.of(few, clock).building == pytest.approx(1.1)


def test_the_search_of_many_tables_ends_when_its_plan_can_still_be_written(clock, slow_writing):
    spec, many = (
        build(make_spec(*range(1000, 1040))),
        SearchParams(shared=SharedParams(few_tables=9)),
    )
    began = clock.now
    begun = planner.formulated_in_time(spec, Settings(search=many), clock.after(100), builds=2.0)
    rehearsing = clock.now - began
    assert begun.ends.seconds_left == pytest.approx(100 - rehearsing - 2 * 5 - 13)
    assert begun.draft_seconds == pytest.approx(2 * 5 + 9 + 13)
    few = planner.formulated_in_time(spec, Settings(), clock.after(100))
    assert (few.ends.seconds_left, few.draft_seconds) == (100, 0)


def test_a_limit_that_leaves_no_time_to_write_so_many_tables_is_told_to_be_too_short(clock):
    spec, many = build(make_spec(*[1000] * 10)), SharedParams(few_tables=9)
    assert Pace(clock.after(3), many).heed_writing(spec, 4.0) is None
    with pytest.raises(NoPlanFound, match="too short for 10 tables"):
        Pace(clock.after(3), many).heed_writing(spec, 4.1)
    assert Pace(clock.after(3), SharedParams(few_tables=10)).heed_writing(spec, 50.0) is None
    called_off = clock.after(3).unless(lambda: True)
    assert Pace(called_off, many).heed_writing(spec, 50.0) is None


def test_a_placement_is_predicted_and_built_once_whatever_else_is_said_of_it(monkeypatch):
    spec, built = build(ROOMY), []
    real = drafts_module.build_plan
    monkeypatch.setattr(drafts_module, "build_plan", lambda *given: built.append(1) or real(*given))
    formulation = formulate.formulate(spec)
    first, *_ = planner.baseline_starts(spec, formulation)
    cost = evaluate(formulation.problem, first).objective
    drafts = Drafts(spec, formulation, Settings())
    found = Outcome(first, cost, 0.0, "none", "start", Ending.INTERRUPTED, (), ())
    early = drafts.plan(found)
    late = drafts.plan(replace(found, lower_bound=cost / 2, bound="relaxation"))
    assert len(built) == 1
    assert (early.optimality.gap, late.optimality.gap) == (None, pytest.approx(1.0))
    assert late.plan is early.plan
    assert verify(late, spec) == ()


def test_all_baselines_are_tried_whatever_the_time():
    spec = build(ROOMY)
    formulation, over = formulate.formulate(spec), Deadline.after(-1.0)
    late = list(planner.baseline_starts(spec, formulation, over))
    assert late == list(planner.baseline_starts(spec, formulation))
    assert len(late) == len(PUBLISHED)


def test_very_many_tables_in_scarce_memory_begin_in_two_tiers(monkeypatch):
    rows = range(50_000, 250_000, 10_000)
    spec = build(make_spec(*rows, constraints=(), hbm="120MB", ddr="1GB"))
    monkeypatch.setattr(baseline, "_MANY_TABLES", 0)
    formulation = formulate.formulate(spec)
    *_, last = planner.baseline_starts(spec, formulation)
    kernels = {str(each.kernel) for each in formulation.decisions(last)}
    assert evaluate(formulation.problem, last).fits
    assert kernels == {"fused", "fused_uvm"}


def test_a_command_pays_for_reading_beyond_a_second_and_its_advice_ends_in_time(
    clock, monkeypatch, tmp_path
):
    limits = []

    def refusing(case, settings, *others, **more):
        limits.append(settings.time_limit_seconds)
        clock.now += 3
        raise Infeasible([])

    def advising(trials):
        limits.append(trials.deadline.seconds_left)
        clock.now = trials.deadline.at_seconds
        return ()

    monkeypatch.setattr(build_case, "build_case", clock.taking(4, build_case.build_case))
    monkeypatch.setattr(planner, "make_plan", refusing)
    monkeypatch.setattr(advice, "remedies", advising)
    monkeypatch.setattr(advice, "conflict", advising)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(CROWDED))
    started = clock.now
    assert CliRunner().invoke(cli, ["solve", str(path), "--time-limit", "10s"]).exit_code == 3
    assert limits == [7, 2, 2]
    assert clock.now - started == 11


def test_why_not_has_one_limit_for_both_of_its_answers(clock, monkeypatch):
    limits = []

    def solving(case, settings, *others):
        limits.append(settings.time_limit_seconds)
        raise Infeasible([])

    spec = build(ROOMY)
    plan = make_plan(spec, Settings("greedy"), Reporter())
    decisions = formulate.formulate(spec)
    monkeypatch.setattr(why_not, "formulate", clock.taking(4, formulate.formulate))
    monkeypatch.setattr(why_not, "make_plan", solving)
    choice = Choice.parse("t0@rank3", spec)
    starts = list(planner.baseline_starts(spec, decisions))
    why_not.why_not(plan, spec, decisions.decisions(starts[0]), choice, Settings(), Reporter())
    assert limits == [56]


def test_a_trial_takes_two_seconds_at_most_and_no_more_than_half_of_what_is_left(
    clock, monkeypatch
):
    limits = []

    def listening(problem, settings):
        limits.append(settings.time_limit_seconds)
        clock.now += 2
        return SimpleNamespace(placement=None, is_infeasible=True)

    monkeypatch.setattr("shardplan.whatif.trials.solve", listening)
    spec = build(make_spec(1000, constraints=[WHOLE_IN_DDR]))
    trials = Trials(spec, clock.after(5))
    assert [trials.has_plan(lambda: spec) for _ in range(4)] == [False, False, False, None]
    assert limits == [2, 1.5, 0.5]


def test_no_trial_begins_that_formulating_alone_would_carry_past_the_end(clock, monkeypatch):
    monkeypatch.setattr("shardplan.whatif.trials.formulate", clock.taking(3, formulate.formulate))
    spec = build(make_spec(1000))
    trials = Trials(spec, clock.after(8))
    assert [trials.has_plan(lambda: spec) for _ in range(3)] == [True, True, None]


def test_costs_worked_out_in_parts_are_those_of_all_options_at_once():
    spec = build(make_spec(1000, 2000, 3000))
    whole = formulate.formulate(spec).problem
    parts = formulate.formulate(spec, params=SharedParams(options_at_once=2)).problem
    for name in ("load_seconds", "device_bytes", "node_bytes", "spill_seconds"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()


def test_formulating_ends_between_two_parts_of_its_work(clock, monkeypatch):
    params = SharedParams(few_tables=9, options_at_once=1)
    spec, asked = build(make_spec(*range(1000, 1010))), []
    model = type(spec.cost_model)

    def slow(self, options, costs=model.unit_costs):
        asked.append(len(options))
        clock.now += 2
        return costs(self, options)

    monkeypatch.setattr(model, "unit_costs", slow)
    with pytest.raises(NoPlanFound, match="the ways to shard 10 tables"):
        formulate.formulate(spec, clock.after(5), params)
    assert asked == [1, 1, 1]


def test_formulating_ends_where_the_user_interrupts_it():
    called_off = Deadline.after(60).unless(lambda: True)
    with pytest.raises(Interrupted):
        formulate.formulate(build(ROOMY), called_off, SharedParams(few_tables=0))


def test_few_tables_are_formulated_and_planned_however_late_it_is():
    plan = make_plan(build(ROOMY), Settings(time_limit_seconds=0), Reporter())
    assert (plan.table_count, plan.optimality.termination) == (len(ROOMY["tables"]), "time_limit")


def test_a_conflict_is_not_narrowed_down_any_further_once_time_is_over():
    asked = []

    def still(rest):
        asked.append(len(rest))
        return True

    left = least_subset(list(range(100_000)), still, lambda: len(asked) >= 3)
    assert asked == [50_000, 25_000, 12_500]
    assert len(left) == 12_500


def test_no_case_is_made_for_a_trial_that_has_no_time_left(clock):
    spec = build(make_spec(1000))
    trials = Trials(spec, clock.after(5), formulating_seconds=6.0)
    assert trials.has_plan(lambda: pytest.fail("a case was made")) is None


def test_a_solve_pays_for_merging_the_stages_of_its_problem(clock, monkeypatch):
    problem = formulate.formulate(build(ROOMY)).problem
    monkeypatch.setattr(settings, "Deadline", SimpleNamespace(after=clock.after))
    monkeypatch.setattr(record, "merge_stages", clock.taking(3, record.merge_stages))
    begun = record.Record.begun(problem, Settings(time_limit_seconds=10), Reporter())
    assert begun.budget.deadline.seconds_left == 7


def test_a_command_pays_for_taking_up_an_earlier_plan(clock, monkeypatch, tmp_path):
    limits = []

    def searching(case, settings, *others, **more):
        limits.append(settings.time_limit_seconds)
        raise NoPlanFound("none")

    plan = make_plan(build(ROOMY), Settings("greedy"), Reporter())
    write(plan, tmp_path / "plan.json")
    (tmp_path / "spec.json").write_text(json.dumps(ROOMY))
    monkeypatch.setattr(settings, "Deadline", SimpleNamespace(after=clock.after))
    monkeypatch.setattr(resume, "resume", clock.taking(4, resume.resume))
    monkeypatch.setattr(planner, "make_plan", searching)
    spec, earlier = (str(tmp_path / name) for name in ("spec.json", "plan.json"))
    options = ["--resume", earlier, "--time-limit", "10s"]
    assert CliRunner().invoke(cli, ["solve", spec, *options]).exit_code == 4
    assert limits == [6]
