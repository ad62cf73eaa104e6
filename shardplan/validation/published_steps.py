"""Files of published steps -> the steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.catalog.reference import TopologyReference, is_inline
from shardplan.spec.catalog.source import named_source
from shardplan.spec.fields.numeric import as_whole
from shardplan.spec.spec import BatchSpec
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import collecting, validate
from shardplan.topology.schema import TopologyFile
from shardplan.validation.device_class import DeviceClass
from shardplan.validation.layered import layered
from shardplan.validation.published_file import PublishedFile
from shardplan.validation.published_step import MeasuredStep, PublishedStep
from shardplan.validation.training_run import Convergence, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.catalog.reference import Reference
    from shardplan.spec.catalog.source import Source
    from shardplan.validation.published_file import ConvergenceFile, StepFile, TrainedFile

_SECONDS_OF_A_MINUTE = 60


class _SettingFile(BaseModel):
    """What of a step's whole spec is read before it is predicted."""

    batch: BatchSpec
    topology: TopologyReference


def published_steps(paths: Sequence[str] = ()) -> tuple[PublishedStep, ...]:
    """All steps of the shipped files and of those at ``paths``, in their order.

    Raises InputError with the faults of all files, and where two steps have one id.
    """
    faults: list[Diagnostic] = []
    found: dict[str, PublishedStep] = {}
    for name in [*names(Kind.PUBLISHED), *map(_as_path, paths)]:
        with collecting(faults):
            source = named_source(Kind.PUBLISHED, name, Path())
            for index, step in enumerate(steps_of(source)):
                if step.id in found:
                    at, message = ("steps", index, "id"), f"a second step {step.id!r}"
                    faults.append(source.document.diagnostic(at, message, "call it otherwise"))
                found[step.id] = step
    if faults:
        raise InputError(faults)
    return tuple(found.values())


def _as_path(path: str) -> str:
    """What was given as a path stays one, also without a ``/``."""
    return path if "/" in path else f"./{path}"


def steps_of(source: Source) -> list[PublishedStep]:
    """The steps of one file; raises InputError with its faults."""
    file = validate(PublishedFile, source.document)
    faults: list[Diagnostic] = []
    found: list[PublishedStep] = []
    for step in file.steps:
        with collecting(faults):
            found.append(_step(file, step, source.document.file))
    if faults:
        raise InputError(faults)
    return found


def _step(file: PublishedFile, step: StepFile, name: str) -> PublishedStep:
    model, measured = file.models[step.model], step.measured
    spec = _spec(file, step)
    document = Document(spec, f"{name} ({step.id})")
    setting = validate(_SettingFile, document)
    topology, nodes = _topology(setting.topology, document)
    devices = nodes * topology.devices_per_node
    return PublishedStep(
        id=step.id,
        model=step.model,
        device=step.device,
        framework=step.framework,
        device_class=DeviceClass.of(topology, devices),
        devices=devices,
        nodes=nodes,
        global_batch=setting.batch.global_batch(devices),
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
        file=name,
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


def _topology(written: Reference, document: Document) -> tuple[TopologyFile, int]:
    """The machine of a spec, and how many nodes of it there are."""
    if isinstance(written, str):
        written = {"name": written}
    if is_inline(written, "topology"):
        inline = validate(TopologyFile, document, ("topology",))
        return inline, inline.nodes
    how = "name" if "name" in written else "path"
    name = written[how] if how == "name" else _as_path(written[how])
    try:
        source = named_source(Kind.TOPOLOGY, name, Path())
    except InputError as error:
        fault = error.diagnostics[0]
        if fault.line:
            raise
        at = ("topology", how)
        raise InputError([document.diagnostic(at, fault.message, fault.hint)]) from None
    found = validate(TopologyFile, source.document)
    return found, as_whole(written.get("nodes")) or found.nodes
