"""Measured curves as cost models and topologies write them."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.figure import Figure, Provenance
from shardplan.spec.fields.quantities import Bytes, BytesPerSecond, Seconds, Whole
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import show
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Sequence


def _known_collective(value: Any) -> Any:
    """Say what to do with other collectives that were measured, where none is meant."""
    names = [kind.value for kind in Collective]
    if isinstance(value, str) and value not in names and not get_close_matches(value, names):
        message = f"must be one of {', '.join(names)} (got {show(value)})"
        raise fault(message, "no sharding uses another: leave its curve out", "choice")
    return value


class CurveFile(Border):
    """Measured times of one collective among that many devices of one scale-up domain."""

    collective: Annotated[Collective, BeforeValidator(_known_collective)]
    ranks: Whole
    points: tuple[tuple[Bytes, Seconds], ...]
    """[bytes, seconds]; bytes are the buffer of one device, as nccl-tests counts them."""
    excess: BytesPerSecond | None = None
    """Rate for what the busiest device's buffer exceeds the mean by, where the curve is that of the
    mean buffer; where left out, all devices are taken to be as busy as the busiest."""
    provenance: Provenance | None = None
    """How the points are known."""
    source: str = ""
    """Where they are from: a key of the file's ``sources``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ranks < 2:
            message = f"must be at least 2 (got {self.ranks})"
            raise fault(message, "one device exchanges nothing", "range", ("ranks",))
        if len(self.points) < 2:
            raise fault("needs 2 or more points", "measure more sizes", "range", ("points",))
        if self.points[0][0] < 1 or self.points[0][1] <= 0:
            message = "the first point must have some bytes and some seconds"
            raise fault(message, "begin with a message that was measured", at=("points", 0))
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

    def __str__(self) -> str:
        """What it is of, and how many points it has."""
        return f"{self.collective}, {self.ranks} ranks, {len(self.points)} points"


class AcrossCurveFile(CurveFile):
    """Measured times of one collective among the devices of several scale-up domains."""

    nodes: Whole
    """How many domains; ``ranks`` are the devices of all of them together."""
    rate: BytesPerSecond
    """Of the NICs of one device of that machine, one direction."""

    @model_validator(mode="after")
    def _check_nodes(self) -> Self:
        if self.nodes < 2 or self.ranks % self.nodes:
            message = f"{self.ranks} ranks are not those of {self.nodes} equal domains"
            raise fault(message, "2 or more, which divide the ranks", at=("nodes",))
        return self


def check_unique(curves: Sequence[CurveFile], *at: str) -> None:
    """Raise the fault of the first curve of what another one is of."""
    seen: set[tuple[Collective, int, int]] = set()
    for index, curve in enumerate(curves):
        nodes = curve.nodes if isinstance(curve, AcrossCurveFile) else 1
        if (curve.collective, curve.ranks, nodes) in seen:
            message = f"a second curve of {curve.collective} among {curve.ranks} devices"
            raise fault(message, "merge their points", at=(*at, index))
        seen.add((curve.collective, curve.ranks, nodes))


class LinkCurvesFile(Border):
    """Collectives inside one scale-up domain of some machine."""

    link: Figure[BytesPerSecond]
    """Of one device of that machine, one direction; other links scale the curves."""
    curves: tuple[CurveFile, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_unique(self.curves, "curves")
        return self


class MachineCurvesFile(Border):
    """Collectives as they were measured on one machine; they go before those of its cost model."""

    scale_up: LinkCurvesFile | None = None
    """Inside a scale-up domain; a collective that is left out is the cost model's."""
    scale_out: tuple[AcrossCurveFile, ...] = ()
    """Across domains."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_unique(self.scale_out, "scale_out")
        return self
