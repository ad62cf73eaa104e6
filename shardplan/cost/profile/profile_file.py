"""What a cost-model file of the analytic kind may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, create_model, model_validator

from shardplan import units
from shardplan.cost.algorithms.all_algorithms import ALGORITHMS
from shardplan.cost.profile.calibration_file import CalibrationFile
from shardplan.cost.profile.correction_file import CorrectionFile
from shardplan.cost.profile.gemm_file import GemmFile
from shardplan.cost.profile.phase_file import PhaseFile
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Figure, Provenance, check_sources
from shardplan.spec.fields.quantities import (
    BytesPerSecond,
    RateOrFree,
    Seconds,
    Share,
    SomeBytes,
    Times,
)
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.topology.collective import Collective
from shardplan.topology.measured.curve_file import AcrossCurveFile, LinkCurvesFile, check_unique
from shardplan.topology.measured.sourced import sourced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.topology.measured.sourced import Sourced

Efficiency = Annotated[Times, Field(le=10)]
"""What is attained over the rate of the path; more than 1 where an unnamed cache spares it."""


def _known_algorithm(name: str) -> str:
    if name not in ALGORITHMS:
        known = tuple(ALGORITHMS)
        message = f"must be one of {', '.join(known)} (got {show(name)})"
        raise fault(message, did_you_mean(name, known), "choice")
    return name


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


class ScaleUpFile(LinkCurvesFile):
    """Collectives inside one scale-up domain, as measured on some machine."""

    @model_validator(mode="after")
    def _check_all(self) -> Self:
        measured = {curve.collective for curve in self.curves}
        missing = [kind for kind in Collective if kind not in measured]
        if missing:
            raise fault("no curve of " + ", ".join(missing), "each collective needs one")
        return self


class AlgorithmFile(Border):
    """What a collective across domains costs by one algorithm, in one protocol of the library."""

    algorithm: Annotated[str, AfterValidator(_known_algorithm)]
    """How the devices pass the bytes on, such as ``ring`` or ``tree``."""
    protocol: str = ""
    """What the library calls the form of its messages, such as LL or Simple."""
    start: Seconds
    """Spent once."""
    inside: Seconds
    """Spent for each hop inside a domain."""
    across: Seconds
    """Spent for each hop from domain to domain; a topology may know better (``nics.hop``)."""
    share: Share
    """Of the rate that the NICs attain."""
    most: BytesPerSecond | None = None
    """Bus bandwidth, as nccl-tests defines it, that it never exceeds."""
    provenance: Provenance | None = None
    """How the figures are known."""
    source: str = ""
    """Where they are from: a key of the file's ``sources``."""

    def __str__(self) -> str:
        """Its start-ups and its share of the rate."""
        hops = (units.format_seconds(each) for each in (self.start, self.inside, self.across))
        return f"{self.algorithm} {self.protocol}: {' + '.join(hops)}, {self.share:.0%}"


class ScaleOutFile(Border):
    """Collectives across scale-up domains."""

    efficiency: Figure[Share]
    """Share of the NICs' rate that is attained."""
    latency: Figure[Seconds]
    latency_per_node: Figure[Seconds]
    per_peer: Figure[Seconds] | None = None
    """What an all-to-all spends on the message to each device of other domains, besides bytes."""
    algorithms: tuple[AlgorithmFile, ...] = ()
    """Of the collectives that are no all-to-all, the quickest is chosen by size; where left out,
    they take the latency and the bytes at the attained rate."""
    curves: tuple[AcrossCurveFile, ...] = ()
    """As measured on some machine; what other sizes of machine take is carried over from them."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_unique(self.curves, "curves")
        return self


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


class DynamicFile(Border):
    """Dynamic tables, besides what a fused kernel spends on rows in HBM."""

    per_id: Figure[Seconds]
    """To look an id up in the index, with making all ids distinct."""
    per_host_row: Figure[Seconds]
    """To fetch a row from the host, or to put one back, besides its bytes."""
    per_missed_row: Figure[Seconds]
    """To fetch a row that a cache lacks and put another back, besides their bytes."""
    path: Figure[Efficiency]
    """Bytes of rows and their state per second, over the rate of the path to host memory."""


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
    dynamic: DynamicFile | None = None
    """Where left out, no table is dynamic."""
    corrections: tuple[CorrectionFile, ...] = ()
    """By how much the figures above were off on a job, as ``shardplan tune`` found."""
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
            message = "dense layers need both gemm and elementwise"
            raise fault(message, f"add {missing}", at=(there,))
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

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Sourced]]:
        """Everything with an origin, and its path."""
        return sourced(self)
