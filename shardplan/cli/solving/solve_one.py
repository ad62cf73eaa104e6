"""One spec, solved."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shardplan.cli.inputs import READING_SECONDS, case_of_plan, file_label, hold, plan_at
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put_file
from shardplan.cli.show import say_lines
from shardplan.cli.solving.emitted import emit, emitted_files, say_emitted
from shardplan.cli.spec_changes import settings_of
from shardplan.errors import Infeasible
from shardplan.solve.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.cli.reports.progress import TellingReporter
    from shardplan.cli.solving.solve_request import SolveRequest
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.write import Renderer
    from shardplan.planning.pace import Pace
    from shardplan.solve.settings import Settings
    from shardplan.spec.loaded import LoadedSpec

_EXACTNESS_SECONDS = 1.0
"""How long to ask what exact updates cost, once the plan is written."""


def solve_one(request: SolveRequest) -> None:
    """Write the plan of the only spec, and say how good it is; raises as its parts do."""
    started = time.monotonic()
    deadline = Deadline.after(request.time_limit + READING_SECONDS)
    # From here on, so that a Ctrl-C while modules load or the spec is read is remembered.
    with interruptible() as interrupt:
        from shardplan.build_case import build_case
        from shardplan.cli.solving.solve_served import solve_served
        from shardplan.plan.file.write import Renderer
        from shardplan.planning.pace import Pace

        own = [request.topology] if request.topology is not None else []
        check_writable(request.output, [*request.specs, *own])
        emitted = emitted_files(request.output) if request.emit else {}
        for path in emitted.values():
            check_writable(path, [*request.specs, *own])
        renderer = Renderer()
        pace = Pace(deadline.unless(interrupt.is_requested))
        began = time.monotonic()
        loaded = _loaded(request, pace)
        if loaded.spec.serving is not None:
            until = deadline.within(request.time_limit).unless(interrupt.is_requested)
            solve_served(loaded, request, request.search(interrupt.is_requested).until(until))
            return
        case = build_case(loaded)
        case_seconds = time.monotonic() - began
        earlier = _earlier(request, pace)
        deadline = deadline.within(request.time_limit).unless(interrupt.is_requested)
        search = request.search(interrupt.is_requested).until(deadline)
        try:
            plan = _solve(case, search, request, earlier, renderer, started)
        except Infeasible as error:
            from shardplan.cli.solving.advice import with_advice

            stopped = interrupt.is_requested
            raise with_advice(error, case, deadline, stopped, case_seconds) from None
        hold(case, plan, renderer)
        put_file(renderer.render(plan), request.output)
        elapsed = time.monotonic() - started
        emit(plan, request.output, emitted)
        if not request.quiet:
            _sum_up(plan, case, request, interrupt.is_requested, elapsed)
            say_emitted(emitted)


def _loaded(request: SolveRequest, pace: Pace) -> LoadedSpec:
    from shardplan.spec.load import load_spec

    changes = settings_of(request.topology, request.nodes, request.settings)
    loaded = load_spec(request.specs[0], changes)
    if loaded.tables_document is not None:
        check_writable(request.output, [loaded.tables_document.file])
    pace.heed(len(loaded.spec.tables))
    return loaded


def _earlier(request: SolveRequest, pace: Pace) -> tuple[Plan, Case] | None:
    """The plan to begin with, if any, and what it was made for."""
    path = request.earlier if request.old is None else request.old
    if path is None:
        return None
    plan = plan_at(path)
    pace.heed(plan.table_count)
    case = case_of_plan(plan, file_label(path))
    pace.heed(plan.table_count)
    return plan, case


def _solve(
    case: Case,
    search: Settings,
    request: SolveRequest,
    earlier: tuple[Plan, Case] | None,
    renderer: Renderer,
    started: float,
) -> Plan:
    """Solve with progress on stderr, from or near an earlier plan where there is one."""
    from shardplan.cli.reports.progress import progress
    from shardplan.cli.solving.improving_plan import ImprovingPlan
    from shardplan.planning.planner import make_plan

    with progress(request.quiet) as reporter:
        before = time.monotonic() - started
        put = ImprovingPlan(request.output, reporter.say, renderer, before).put
        if earlier is None:
            return make_plan(case, search, reporter, on_plan=put)
        if request.old is None:
            return _resumed(*earlier, case, search, reporter, put)
        from shardplan.whatif.move_little import move_little
        from shardplan.whatif.near.amortisation import Amortisation
        from shardplan.whatif.replan import replan

        if request.move_budget is None and not request.keep:
            over = request.amortise or Amortisation()
            return move_little(*earlier, case, search, reporter, put, amortise=over)
        return replan(*earlier, case, request.move_budget, search, reporter, put)


def _resumed(
    plan: Plan,
    made_for: Case,
    case: Case,
    search: Settings,
    reporter: TellingReporter,
    put: Callable[[Plan], None],
) -> Plan:
    """The plan and its bound, tightened."""
    from shardplan.planning.planner import make_plan
    from shardplan.whatif.resume import resume

    deadline = search.deadline()
    found = resume(plan, made_for, case)
    if found.doubt:
        reporter.warn(f"{found.doubt}: the search begins with it, without its bound")
    search = search.until(deadline)
    return make_plan(case, search, reporter, found.decisions, proven=found.proven, on_plan=put)


def _sum_up(
    plan: Plan,
    case: Case,
    request: SolveRequest,
    should_stop: Callable[[], bool],
    elapsed_seconds: float,
) -> None:
    from shardplan.cli.reports.solve_summary import summary_lines
    from shardplan.plan.carried import as_planned
    from shardplan.whatif.exactness import inexact_bound

    planned, inexact = as_planned(plan, case), None
    # Its bound would be of one of all cases that an open spec is.
    if request.old is None and planned is case and not should_stop():
        inexact = inexact_bound(case, Deadline.after(_EXACTNESS_SECONDS).unless(should_stop))
    to_go_on = request.to_go_on()
    lines = summary_lines(plan, planned, request.output, inexact, to_go_on, elapsed_seconds)
    say_lines(lines)
