"""Files of published steps -> the steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.catalog.source import named_source, topology_source
from shardplan.spec.load import spec_from_value
from shardplan.spec.validation.validation import collecting, validate
from shardplan.topology.schema import TopologyFile
from shardplan.validation.device_class import DeviceClass
from shardplan.validation.layered import layered
from shardplan.validation.published_file import PublishedFile
from shardplan.validation.published_step import MeasuredStep, PublishedStep
from shardplan.validation.training_run import Convergence, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.spec.catalog.source import Source
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.validation.published_file import ConvergenceFile, StepFile, TrainedFile

_SECONDS_OF_A_MINUTE = 60
_ANY_TABLE = {"name": "t", "rows": 1, "dim": 4}


def published_steps(paths: Sequence[str] = ()) -> tuple[PublishedStep, ...]:
    """All steps of the shipped files and of those at ``paths``, in their order.

    Raises InputError with the faults of all files, and where two steps have one id.
    """
    faults: list[Diagnostic] = []
    found: list[PublishedStep] = []
    for name in [*names(Kind.PUBLISHED), *map(_as_path, paths)]:
        with collecting(faults):
            found += steps_of(named_source(Kind.PUBLISHED, name, Path()))
    seen: set[str] = set()
    for step in found:
        if step.id in seen:
            message = f"a second step {step.id!r}"
            faults.append(Diagnostic(step.file, 0, 0, step.id, message, "call it otherwise"))
        seen.add(step.id)
    if faults:
        raise InputError(faults)
    return tuple(found)


def _as_path(path: str) -> str:
    """What was given as a path stays one, also without a ``/``."""
    return path if "/" in path else f"./{path}"


def steps_of(source: Source) -> Iterator[PublishedStep]:
    """The steps of one file; raises InputError with its faults."""
    file = validate(PublishedFile, source.document)
    for step in file.steps:
        model, measured = file.models[step.model], step.measured
        spec = _spec(file, step)
        loaded = _loaded(spec, f"{source.document.file} ({step.id})")
        topology, nodes = _topology(loaded)
        devices = nodes * topology.devices_per_node
        yield PublishedStep(
            id=step.id,
            model=step.model,
            device=step.device,
            framework=step.framework,
            device_class=DeviceClass.of(topology, devices),
            devices=devices,
            nodes=nodes,
            global_batch=loaded.spec.batch.global_batch(devices),
            measured=MeasuredStep(
                measured.step,
                measured.lowest_run,
                measured.highest_run,
                measured.runs,
                measured.provenance,
                measured.source,
            ),
            run=_run(step.trained) if step.trained else None,
            convergence=_convergence(model.convergence) if model.convergence else None,
            use=step.use,
            reason=step.reason,
            why=step.why,
            spec=spec if model.tables else None,
            file=source.document.file,
        )


def _run(trained: TrainedFile) -> TrainingRun:
    return TrainingRun(
        trained.minutes * _SECONDS_OF_A_MINUTE,
        trained.samples,
        trained.evaluations,
        trained.evaluation,
    )


def _convergence(file: ConvergenceFile) -> Convergence:
    return Convergence(file.samples_per_epoch, file.epochs, file.critical_batch, file.granularity)


def _spec(file: PublishedFile, step: StepFile) -> dict[str, Any]:
    """The step's spec over its model's, with its tables and its machine."""
    model = file.models[step.model]
    tables = file.table_sets[model.tables].tables() if model.tables else []
    spec = layered(layered({"name": step.id, "tables": tables}, model.spec), step.spec)
    if step.machine is not None:
        machine = file.machines[step.machine]
        base = named_source(Kind.TOPOLOGY, machine.base, Path()).value
        own = {"name": step.machine, "nodes": machine.nodes}
        spec["topology"] = layered(base, own | machine.change)
    return spec


def _loaded(spec: dict[str, Any], name: str) -> LoadedSpec:
    """What a step's spec says; one whose tables are not published gets a table in their place.

    Raises InputError with all its faults.
    """
    loaded = spec_from_value(spec if spec["tables"] else spec | {"tables": [_ANY_TABLE]}, name)
    if loaded.faults:
        raise InputError(loaded.faults)
    return loaded


def _topology(loaded: LoadedSpec) -> tuple[TopologyFile, int]:
    """The machine of a spec, and how many nodes of it there are."""
    source = topology_source(loaded)
    file = validate(TopologyFile, source.document, source.at)
    return file, file.nodes if source.nodes is None else source.nodes
