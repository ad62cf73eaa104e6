"""One spec, sized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.inputs import hold
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put, put_file

if TYPE_CHECKING:
    from shardplan.cli.sizing.size_request import SizeRequest
    from shardplan.size.answer.front import Front
    from shardplan.size.crew.crew import Crew


def size_one(request: SizeRequest) -> ExitCode:
    """Write the front, and the plans of its points; raises as its parts do, where plans cannot be
    written once the front is."""
    with interruptible("stopping with the front so far") as interrupt:
        from shardplan.cli.fronts.show_front import show_front
        from shardplan.cli.sizing.plan_files import with_plans
        from shardplan.cli.sizing.size_progress import size_progress
        from shardplan.files import check_folder
        from shardplan.size.search.size import size
        from shardplan.size.search.size_settings import SizeSettings
        from shardplan.size.space.build_space import build_space
        from shardplan.spec.load import load_spec

        check_writable(request.output, [request.spec])
        if request.plans:
            check_folder(request.plans)
        space = build_space(load_spec(request.spec, request.settings))
        settings = SizeSettings(
            gap=request.gap,
            time_limit_seconds=request.time_limit,
            solve_seconds=request.solve_limit,
            seed=request.seed,
            should_stop=interrupt.is_requested,
        )
        with size_progress(request.quiet) as reporter:
            sized = size(space, settings, reporter, _crew(request))
        hold(space, sized)
        front, unwritten = with_plans(sized, request.plans)
        shown = show_front(front, request.form, request.width, explain=request.explain)
        if request.output == "-":
            put(shown)
        else:
            put_file(shown, request.output)
        if unwritten is not None:
            raise unwritten
        return _exit_code(front, is_interrupted=interrupt.is_requested())


def _crew(request: SizeRequest) -> Crew:
    """Who solves candidates."""
    from shardplan.size.crew.crew import Crew

    if request.engine == "ray":
        from shardplan.size.crew.ray_crew import RayCrew

        return RayCrew()
    if request.threads == 1:
        return Crew()
    from shardplan.size.crew.processes import Processes

    return Processes(request.threads)


def _exit_code(front: Front, *, is_interrupted: bool) -> ExitCode:
    """By what was found, or proven."""
    if front.points:
        return ExitCode.DONE
    if not front.open:
        return ExitCode.INFEASIBLE
    return ExitCode.INTERRUPTED if is_interrupted else ExitCode.NO_PLAN
