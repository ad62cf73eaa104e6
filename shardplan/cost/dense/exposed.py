"""What of the dense part's collectives neither pass hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shardplan.topology.collective import Collective, Scope
from shardplan.workload.dense.parallel import Parallel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.cost.dense.passes import OperationTime
    from shardplan.workload.dense.dense_model import DenseModel


class Wire(Protocol):
    """Predicts collectives."""

    def seconds(self, collective: Collective, scope: Scope, size_bytes: float) -> float:
        """Of one with this buffer."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Layers that FSDP gathers, runs and scatters as a whole."""

    forward_seconds: float
    backward_seconds: float
    gather_seconds: float
    scatter_seconds: float


def exposed_seconds(
    model: DenseModel, times: Sequence[OperationTime], wire: Wire, devices_per_node: int
) -> float:
    """What collectives add to the two passes.

    They run one at a time, in order, beside the computation, and share their links with nothing: a
    lower estimate, since the gradients of pooled outputs travel during the backward pass too.
    """
    if model.parallel is Parallel.DDP:
        return _exposed_buckets(model, times, wire)
    units = _units(model, times, wire, devices_per_node)
    return _exposed_gathers(units) + _exposed_scatters(units)


def _exposed_buckets(model: DenseModel, times: Sequence[OperationTime], wire: Wire) -> float:
    """The largest over buckets of (when it is full + what it and all behind it take), past the end
    of the backward pass.
    """
    free = 0.0
    for ready, size_bytes in _buckets(model, times):
        took = wire.seconds(Collective.ALL_REDUCE, Scope.ALL, size_bytes)
        free = max(free, ready) + took
    return max(0.0, free - sum(time.backward_seconds for time in reversed(times)))


def _buckets(model: DenseModel, times: Sequence[OperationTime]) -> Iterator[tuple[float, int]]:
    """From the last layer on: when in the backward pass a bucket is full, and its bytes."""
    now, filled = 0.0, 0
    for time in reversed(times):
        now += time.backward_seconds
        filled += time.parameters * model.gradient_dtype.bytes
        if filled >= model.bucket_bytes:
            yield now, filled
            filled = 0
    if filled:
        yield now, filled


def _units(
    model: DenseModel, times: Sequence[OperationTime], wire: Wire, devices_per_node: int
) -> list[_Unit]:
    """In the order of the forward pass."""
    cut_over = Scope.NODE if model.parallel is Parallel.HSDP else Scope.ALL
    units = []
    for unit in model.units:
        of_unit = [time for time in times if time.layer in unit]
        gather = scatter = 0.0
        if parameters := model.parameters_of(unit):
            weights = float(parameters * model.precision.bytes)
            gradient = float(parameters * model.gradient_dtype.bytes)
            gather = wire.seconds(Collective.ALL_GATHER, cut_over, weights)
            scatter = wire.seconds(Collective.REDUCE_SCATTER, cut_over, gradient)
            if model.parallel is Parallel.HSDP:
                piece = gradient / devices_per_node
                scatter += wire.seconds(Collective.ALL_REDUCE, Scope.PEERS, piece)
        forward = sum(time.forward_seconds for time in of_unit)
        backward = sum(time.backward_seconds for time in of_unit)
        units.append(_Unit(forward, backward, gather, scatter))
    return units


def _exposed_gathers(units: Sequence[_Unit]) -> float:
    """Of the forward pass: a unit runs once it is gathered, and gathers never wait."""
    gathered = computed = 0.0
    for unit in units:
        gathered += unit.gather_seconds
        computed = max(computed, gathered) + unit.forward_seconds
    return computed - sum(unit.forward_seconds for unit in units)


def _exposed_scatters(units: Sequence[_Unit]) -> float:
    """Of the backward pass: the next unit is gathered while one runs, whose gradient is scattered
    once it is there.
    """
    free = computed = 0.0
    backward = list(reversed(units))
    gathered = free = backward[0].gather_seconds
    for unit, following in zip(backward, [*backward[1:], None], strict=True):
        started = max(computed, gathered)
        if following is not None:
            free = max(free, computed) + following.gather_seconds
            gathered = free
        computed = started + unit.backward_seconds
        free = max(free, computed) + unit.scatter_seconds if unit.scatter_seconds else free
    return max(computed, free) - sum(unit.backward_seconds for unit in units)
