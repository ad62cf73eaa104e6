"""What a cost-model file of the analytic kind may say."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, create_model, model_validator

from shardplan.cost.profile.calibration_file import CalibrationFile
from shardplan.cost.profile.gemm_file import GemmFile, GridFile
from shardplan.cost.profile.phase_file import PhaseFile
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Figure, Provenance, check_sources
from shardplan.spec.fields.quantities import (
    Bytes,
    BytesPerSecond,
    Number,
    RateOrFree,
    Seconds,
    Share,
    SomeBytes,
)
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import show
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Efficiency = Annotated[Number, Field(gt=0, le=10)]
"""What is attained over the rate of the path; more than 1 where an unnamed cache spares it."""


class RatesFile(Border):
    """What a fused kernel spends on rows of one tier; what is left out costs nothing.

    A rate may also be ``free``, which says so outright.
    """

    per_table: Figure[Seconds] | None = None
    """Per table or column shard."""
    per_id: Figure[Seconds] | None = None
    """Per id looked up."""
    per_unique_row: Figure[Seconds] | None = None
    """Per distinct row of the batch."""
    read: Figure[RateOrFree] | None = None
    """Rate at which weights are read from memory, once per id that the on-chip cache misses."""
    cached_read: Figure[RateOrFree] | None = None
    """Rate at which weights are read from the on-chip cache."""
    per_fetch: Figure[Seconds] | None = None
    """Per row read from memory, besides its bytes: once per id that the on-chip cache misses."""
    unique: Figure[RateOrFree] | None = None
    """Rate for the bytes of distinct rows, in the update with their optimizer state."""
    output: Figure[RateOrFree] | None = None
    """Rate for pooled outputs, or their gradients."""
    gather: Figure[RateOrFree] | None = None
    """Rate at which pooled outputs, or their gradients, are picked out of those of all tables, once
    per id and once per output, where a sample's fill a ``page``; faster where they fill less."""


class HostRatesFile(RatesFile):
    """The same for rows in host memory, which the topology's path to the host slows down."""

    path_read: Figure[Efficiency] | None = None
    """Bytes read past the on-chip cache per second, over the rate of the path to host memory."""
    path_unique: Figure[Efficiency] | None = None
    """Bytes of distinct rows updated per second, over that rate."""


class KernelFile(Border):
    """A fused kernel over all tables of a device."""

    launch: Figure[Seconds]
    """Spent once per step."""
    hbm: RatesFile
    ddr: HostRatesFile


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
    ranks: int
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

    efficiency: Figure[Share]
    """Share of the NICs' rate that is attained."""
    latency: Figure[Seconds]
    latency_per_node: Figure[Seconds]


class CacheFile(Border):
    """Caches of rows in HBM, above DDR (``fused_uvm_caching``) or SSD (``key_value``)."""

    per_id: Figure[Seconds]
    """To look an id up in the cache's directory, with sorting and uniting all ids."""
    path: Figure[Efficiency]
    """Bytes of missed rows that take others' places per second, over the rate of the path."""
    ssd_page: Figure[SomeBytes]
    """The least that one read or write of an SSD moves."""
    ddr_entry: Figure[SomeBytes]
    """Of DDR, kept for each row of a cache there besides the row."""


class ProfileFile(Border):
    """The figures of one kind of device and its fabric.

    Phases may add keys of their own: see ``with_phases``.
    """

    name: Name
    kind: Literal["analytic"] = "analytic"
    description: str = ""
    on_chip_cache: Figure[SomeBytes] | None = None
    """Of one device, shared by the tables in turn; where left out, every id's row is read."""
    page: Figure[SomeBytes] | None = None
    """Of the memory's pages; a sample's outputs that fill less of one are gathered faster."""
    lookup_forward: KernelFile
    update_backward: KernelFile
    dense_update: Figure[BytesPerSecond]
    """Rate at which a whole table is swept, to update a data-parallel one."""
    gemm: GemmFile | None = None
    """Of products of matrices; where left out, no dense layers are predicted."""
    elementwise: Figure[BytesPerSecond] | None = None
    """Rate at which dense layers read and write what they do not multiply."""
    scale_up: ScaleUpFile
    scale_out: ScaleOutFile
    cache: CacheFile | None = None
    """Where left out, no table is cached."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Where figures are from, by the key that figures name."""
    calibration: CalibrationFile | None = None
    """Of a file that ``shardplan calibrate`` wrote."""

    @classmethod
    def with_phases(cls, files: Mapping[str, type[PhaseFile]]) -> type[ProfileFile]:
        """The same with a key for each of these phases, which a file may leave out."""
        if not files:
            return cls
        keys: dict[str, Any] = {name: (file | None, None) for name, file in files.items()}
        return create_model(cls.__name__, __base__=cls, __doc__=cls.__doc__, **keys)

    @property
    def phase_files(self) -> tuple[PhaseFile, ...]:
        """What it says of the phases that have keys of their own."""
        parts = (getattr(self, name) for name in type(self).model_fields)
        return tuple(part for part in parts if isinstance(part, PhaseFile))

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self.figures(), self.sources)
        self._check_cache()
        if (self.gemm is None) != (self.elementwise is None):
            there, missing = ("gemm", "elementwise") if self.gemm else ("elementwise", "gemm")
            raise fault(
                "dense layers need both gemm and elementwise", f"add {missing}", at=(there,)
            )
        return self

    def _check_cache(self) -> None:
        """A cache and the rates that it is read at come together, or hits would be free."""
        for kernel in ("lookup_forward", "update_backward"):
            for tier in ("hbm", "ddr"):
                rates: HostRatesFile | RatesFile = getattr(getattr(self, kernel), tier)
                path_read = getattr(rates, "path_read", None)
                if rates.cached_read and not self.on_chip_cache:
                    at = (kernel, tier, "cached_read")
                    raise fault("there is no on_chip_cache to read", "give its size", at=at)
                if self.on_chip_cache and (rates.read or path_read) and not rates.cached_read:
                    message = "the on_chip_cache is read at no given rate"
                    raise fault(message, "add cached_read", at=(kernel, tier))
                if rates.gather and not self.page:
                    message = "the rate of gathering needs the size of a page"
                    raise fault(message, "add page: 4KiB", at=(kernel, tier, "gather"))

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Figure[Any] | CurveFile | GridFile]]:
        """Everything with an origin, and its path."""
        return _figures(self, ())


def _figures(
    part: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Figure[Any] | CurveFile | GridFile]]:
    if isinstance(part, Figure | CurveFile | GridFile):
        yield path, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _figures(getattr(part, name), (*path, name))
    elif isinstance(part, tuple):
        for index, inner in enumerate(part):
            yield from _figures(inner, (*path, index))
