"""What a cost-model file of the analytic kind may say."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from shardplan.spec.border import Border, Name
from shardplan.spec.fault import fault
from shardplan.spec.figure import Figure, Provenance, check_sources
from shardplan.spec.quantities import Bytes, BytesPerSecond, Number, Seconds
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Iterator

Efficiency = Annotated[Number, Field(gt=0, le=10)]
"""What is attained over the rate of the path; more than 1 where a cache spares the path."""


class RatesFile(Border):
    """What a fused kernel spends on rows of one tier; what is left out costs nothing."""

    per_table: Figure[Seconds] | None = None
    """Per table or column shard."""
    per_id: Figure[Seconds] | None = None
    """Per id looked up."""
    per_unique_row: Figure[Seconds] | None = None
    """Per distinct row of the batch."""
    read: Figure[BytesPerSecond] | None = None
    """Rate at which weights are read, once per id."""
    unique: Figure[BytesPerSecond] | None = None
    """Rate for the bytes of distinct rows, in the update with their optimizer state."""
    output: Figure[BytesPerSecond] | None = None
    """Rate for pooled outputs, or their gradients."""


class HostRatesFile(RatesFile):
    """The same for rows in host memory, which the topology's path to the host slows down."""

    path_read: Figure[Efficiency] | None = None
    """Bytes read per second, over the rate of the path to host memory."""
    path_unique: Figure[Efficiency] | None = None
    """Bytes of distinct rows updated per second, over that rate."""


class KernelFile(Border):
    """A fused kernel over all tables of a device."""

    launch: Figure[Seconds]
    """Spent once per step."""
    hbm: RatesFile
    ddr: HostRatesFile


class CurveFile(Border):
    """Measured times of one collective among so many devices of one scale-up domain."""

    collective: Collective
    ranks: Annotated[int, Field(ge=2)]
    points: Annotated[tuple[tuple[Bytes, Seconds], ...], Field(min_length=2)]
    """[bytes, seconds]; bytes are the buffer of one device, as nccl-tests counts them."""
    provenance: Provenance | None = None
    """How the points are known."""
    source: str = ""
    """Where they are from: a key of the file's ``sources``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.points[0][0] < 1 or self.points[0][1] <= 0:
            raise fault("the first point must have some bytes and some seconds", at=("points", 0))
        for index, (before, after) in enumerate(pairwise(self.points), 1):
            if after[0] <= before[0]:
                raise fault(
                    "points must rise in bytes", "sort them by bytes", at=("points", index, 0)
                )
            if after[1] < before[1]:
                raise fault(
                    "the curve falls: more bytes in less time",
                    "smooth the noise out, for example by the least time of any larger message",
                    at=("points", index, 1),
                )
        return self


class ScaleUpFile(Border):
    """Collectives inside one scale-up domain, as measured on some machine."""

    link: Figure[BytesPerSecond]
    """Of one device of that machine, one direction; other links scale the curves."""
    curves: tuple[CurveFile, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[tuple[Collective, int]] = set()
        for index, curve in enumerate(self.curves):
            if (curve.collective, curve.ranks) in seen:
                message = f"a second curve of {curve.collective} among {curve.ranks} devices"
                raise fault(message, "merge their points", at=("curves", index))
            seen.add((curve.collective, curve.ranks))
        missing = [kind for kind in Collective if all(kind is not found for found, _ in seen)]
        if missing:
            raise fault("no curve of " + ", ".join(missing), "each collective needs one")
        return self


class ScaleOutFile(Border):
    """Collectives across scale-up domains."""

    efficiency: Figure[Annotated[Number, Field(gt=0, le=1)]]
    """Share of the NICs' rate that is attained."""
    latency: Figure[Seconds]
    latency_per_node: Figure[Seconds]


class ProfileFile(Border):
    """The figures of one kind of device and its fabric."""

    name: Name
    kind: Literal["analytic"] = "analytic"
    description: str = ""
    lookup_forward: KernelFile
    update_backward: KernelFile
    dense_update: Figure[BytesPerSecond]
    """Rate at which a whole table is swept, to update a data-parallel one."""
    scale_up: ScaleUpFile
    scale_out: ScaleOutFile
    sources: dict[str, str] = Field(default_factory=dict)
    """Where figures are from, by the key that figures name."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self.figures(), self.sources)
        return self

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Figure[Any] | CurveFile]]:
        """Everything with an origin, and its path."""
        return _figures(self, ())


def _figures(
    part: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Figure[Any] | CurveFile]]:
    if isinstance(part, Figure | CurveFile):
        yield path, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _figures(getattr(part, name), (*path, name))
    elif isinstance(part, tuple):
        for index, inner in enumerate(part):
            yield from _figures(inner, (*path, index))
