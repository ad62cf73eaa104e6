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
    from shardplan.size.search.size import Sized


def size_one(request: SizeRequest) -> ExitCode:
    """Write the front, and the plans of its points; raises as its parts do."""
    with interruptible("stopping with the front so far") as interrupt:
        from shardplan.cli.fronts.show_front import show_front
        from shardplan.cli.sizing.size_progress import size_progress
        from shardplan.size.search.size import size
        from shardplan.size.search.size_settings import SizeSettings
        from shardplan.size.space.build_space import build_space
        from shardplan.spec.load import load_spec

        check_writable(request.output, [request.spec])
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
        front = _with_plans(sized, request.plans) if request.plans else sized.front
        shown = show_front(front, request.form, request.width, explain=request.explain)
        if request.output == "-":
            put(shown)
        else:
            put_file(shown, request.output)
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


def _with_plans(sized: Sized, folder: str) -> Front:
    """Write the plans of the front, and say in its points where they are."""
    from pathlib import Path

    from shardplan.files import make_folder
    from shardplan.plan.file.write import Renderer

    make_folder(folder)
    points = []
    for point in sized.front.points:
        design = point.design
        groups = f"-{design.groups}groups" if design.groups > 1 else ""
        name = f"{design.machine}-{design.nodes}nodes{groups}-{design.global_batch}.json"
        path = str(Path(folder) / name.replace("/", "_"))
        put_file(Renderer().render(sized.plans[design]), path)
        points.append(point.model_copy(update={"plan_file": path}))
    return sized.front.model_copy(update={"points": tuple(points)})


def _exit_code(front: Front, *, is_interrupted: bool) -> ExitCode:
    """By what was found, or proven."""
    if front.points:
        return ExitCode.DONE
    if is_interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.NO_PLAN if front.open else ExitCode.INFEASIBLE
