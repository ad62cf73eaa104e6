"""Which cost model a cost-model file asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shardplan.cost.analytic.model import AnalyticCostModel
from shardplan.cost.analytic.phases.all_phases import phase_files, phase_names
from shardplan.cost.framework.framework_file import FrameworkFile
from shardplan.cost.framework.framework_profile import FrameworkProfile
from shardplan.cost.phases import DENSE
from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.dense_keys import with_grid
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.cost.torchrec.constants import constants_of
from shardplan.cost.torchrec.file import TorchRecFile, completed
from shardplan.cost.torchrec.model import TorchRecCostModel
from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import named_source
from shardplan.spec.validation.validation import validate
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.workload.dense.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shardplan.cost.cost_model import CostModel
    from shardplan.cost.profile.profile import Profile
    from shardplan.spec.catalog.source import Source
    from shardplan.topology.topology import Topology
    from shardplan.workload.workload import Workload

KINDS = ("analytic", "torchrec")
"""The values of ``kind`` in a cost-model file; the first where it has none."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a cost-model file says, for any workload and topology."""

    cost_model: Callable[[Workload, Topology], CostModel]
    value: dict[str, Any]
    """The plain values that it was read from, complete in themselves."""
    precisions: frozenset[Precision] | None = None
    """In which it predicts dense layers; None: it never predicts any, and the step is without."""
    framework: dict[str, Any] | None = None
    """The values of the framework's file; None where the spec names none."""
    counts_framework: bool = False
    profile: Profile | None = None
    """The figures themselves; None of TorchRec's estimator."""
    counts_replica_sync: bool = False
    """Whether it knows what it takes to keep the tables of several groups of devices alike."""

    @property
    def framework_name(self) -> str | None:
        """The framework whose own costs are counted; None: no framework's."""
        if self.framework is None or not self.counts_framework:
            return None
        return str(self.framework["name"])


def profile_file() -> type[ProfileFile]:
    """The form of a cost-model file of the analytic kind, with the keys of its phases."""
    return ProfileFile.with_phases(phase_files())


def read_cost_model(source: Source) -> ProfileFile | TorchRecFile:
    """What a cost-model file says, by its ``kind``.

    Raises InputError with the faults of the file.
    """
    kind = source.value.get("kind", KINDS[0]) if isinstance(source.value, dict) else KINDS[0]
    if kind not in KINDS:
        message = f"unknown kind of cost model {show(kind)}"
        hint = did_you_mean(str(kind), KINDS)
        path = (*source.at, "kind")
        raise InputError([source.document.diagnostic(path, message, hint, "choice")])
    if kind == "torchrec":
        return validate(TorchRecFile, source.document, source.at)
    file = validate(profile_file(), source.document, source.at)
    _check_corrections(file, source)
    return file


def _check_corrections(file: ProfileFile, source: Source) -> None:
    """Raise InputError with each correction of a phase that no step has."""
    known = (*phase_names(), DENSE.name)
    faults = [
        source.document.diagnostic(
            (*source.at, "corrections", index, "phase"),
            f"unknown phase {show(each.phase)}",
            did_you_mean(each.phase, known),
            "choice",
        )
        for index, each in enumerate(file.corrections)
        if each.phase not in known
    ]
    if faults:
        raise InputError(faults)


def read_framework(source: Source) -> FrameworkFile:
    """What a file about a framework says; raises InputError with its faults."""
    return validate(FrameworkFile, source.document, source.at)


def select_pricing(
    file: ProfileFile | TorchRecFile, source: Source, base: Path, framework: Source | None = None
) -> Pricing:
    """What a ``file`` says that was read from ``source``; ``base`` is the spec's folder.

    TorchRec's estimator knows no framework. Raises InputError with the faults of the framework.
    """
    running = FrameworkProfile.of(read_framework(framework)) if framework else None
    added = framework.value if framework else None
    if isinstance(file, ProfileFile):
        file, value = with_grid(file, source, base)
        profile = build_profile(file)
        known = frozenset(each for each in Precision if profile.dense and profile.dense.knows(each))
        model = partial(AnalyticCostModel, profile=profile, framework=running)
        return Pricing(
            model,
            value,
            known,
            added,
            counts_framework=True,
            profile=profile,
            counts_replica_sync=True,
        )
    shipped = named_source(Kind.COST_MODEL, "torchrec", base)
    constants = constants_of(file, validate(TorchRecFile, shipped.document))
    value = completed(source.value, shipped.value)  # sections left out are TorchRec's own
    return Pricing(partial(TorchRecCostModel, constants=constants), value, framework=added)
