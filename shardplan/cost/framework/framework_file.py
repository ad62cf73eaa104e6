"""What a file about a framework may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from shardplan.cost.framework.calibration_file import FrameworkCalibrationFile
from shardplan.cost.framework.terms_file import TermsFile
from shardplan.sharding.device_kind import DeviceKind
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Figure, check_sources
from shardplan.spec.fields.quantities import Flag
from shardplan.workload.dense.fusion import Fusion

if TYPE_CHECKING:
    from collections.abc import Iterator


class FrameworkFile(Border):
    """What a framework spends besides lookups, updates and collectives, phase by phase."""

    name: Name
    kind: Literal["framework"] = "framework"
    description: str = ""
    devices: DeviceKind
    """On which its figures hold."""
    ids_comm: TermsFile | None = None
    """Input distribution: what splits, sorts and permutes ids, and the handshakes for it."""
    lookup_forward: TermsFile | None = None
    """Beside the fused lookup, or in place of its fusion."""
    output_comm: TermsFile | None = None
    """Copies of pooled outputs, and waits for each other."""
    gradient_comm: TermsFile | None = None
    """Copies of gradients, and waits for each other."""
    update_backward: TermsFile | None = None
    """Beside the fused update, or in place of its fusion."""
    all_reduce: TermsFile | None = None
    """Around the sums of data-parallel tables' gradients."""
    overhead: TermsFile | None = None
    """What hides behind nothing."""
    host: TermsFile | None = None
    """What the host does to keep a device busy; it hides behind what the device does."""
    sums_beside_backward: Figure[Flag] | None = None
    """Whether gradients of dense layers and data-parallel tables are summed over the devices beside
    the backward pass of the other tables, not before or behind it."""
    sums_read_rows: Figure[Flag] | None = None
    """Whether of data-parallel tables only those rows are summed and updated that a device read."""
    elementwise: Figure[Fusion] | None = None
    """What dense layers do in one pass over memory besides their products; left out: fused."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Where figures are from, by the key that figures name."""
    calibration: FrameworkCalibrationFile | None = None
    """Of a file that ``shardplan calibrate --engine`` wrote."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self.figures(), self.sources)
        return self

    @property
    def terms(self) -> dict[str, TermsFile]:
        """By phase, what it says."""
        parts = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: part for name, part in parts.items() if isinstance(part, TermsFile)}

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Figure[Any]]]:
        """Everything with an origin, and its path."""
        for phase, terms in self.terms.items():
            for path, figure in terms.figures():
                yield (phase, *path), figure
        traits: dict[str, Figure[Any] | None] = {
            "sums_beside_backward": self.sums_beside_backward,
            "sums_read_rows": self.sums_read_rows,
            "elementwise": self.elementwise,
        }
        for key, trait in traits.items():
            if trait is not None:
                yield (key,), trait
