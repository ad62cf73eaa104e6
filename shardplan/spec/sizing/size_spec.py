"""What is asked of ``shardplan size``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from shardplan.sharding.grouping import Grouping
from shardplan.spec.fields.border import ANY_AS_LIST, ONE_OR_MANY, Border, Shorthand
from shardplan.spec.fields.quantities import Count
from shardplan.spec.sizing.goal import Goal
from shardplan.spec.sizing.offer_spec import OfferSpec
from shardplan.spec.sizing.target_spec import TargetSpec
from shardplan.spec.sizing.training_spec import (
    EvaluationsSpec,
    FailuresSpec,
    SamplesSpec,
    WorkersSpec,
)
from shardplan.spec.training.replicas_spec import AUTO, ReplicasSpec
from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from shardplan.spec.spec import TrainingSpec

_SOME = Field(min_length=1, max_length=1000)
"""Of what is tried."""


class SizedBatchSpec(Shorthand):
    """Samples of one step: exactly one of the two; a plain number is a global batch."""

    plain: ClassVar[str] = "global"

    global_: Annotated[Count, Field(le=10**9)] | None = Field(default=None, alias="global")
    """Over all devices (strong scaling)."""
    local: Annotated[Count, Field(le=10**9)] | None = None
    """On each device (weak scaling)."""

    @model_validator(mode="after")
    def _check_one(self) -> SizedBatchSpec:
        if (self.global_ is None) == (self.local is None):
            raise fault("must have exactly one of 'global' and 'local'", "for example 65536")
        return self


class SizeSpec(Border):
    """A space of machines, numbers of nodes, batches and groups, and what is wanted of it."""

    target: TargetSpec | None = None
    """What has to be reached; where left out, all that is worth having is answered."""
    machines: Annotated[tuple[OfferSpec, ...], _SOME, ANY_AS_LIST, ONE_OR_MANY]
    """Which machines could be had."""
    batch: Annotated[tuple[SizedBatchSpec, ...], _SOME, ANY_AS_LIST, ONE_OR_MANY] | None = None
    """Batches that are tried; that of the spec where left out."""
    replicas: Annotated[tuple[Count, ...], _SOME, ANY_AS_LIST, ONE_OR_MANY] | None = None
    """Numbers of groups of devices that are tried; those of ``training.replicas`` where left
    out."""
    samples_to_target: SamplesSpec | None = None
    """Samples that the training takes; where left out, costs and times are of a billion."""
    evaluations: EvaluationsSpec | None = None
    """Evaluations that stop the training now and then; none where left out."""
    failures: FailuresSpec | None = None
    """Failures and checkpoints; none where left out."""
    workers: WorkersSpec | None = None
    """Machines that prepare samples, which cost; none where left out."""
    minimise: Annotated[tuple[Goal, ...], _SOME, ANY_AS_LIST, ONE_OR_MANY] = (Goal.TIME, Goal.COST)
    """What is to be small."""

    @model_validator(mode="after")
    def _check_prices(self) -> SizeSpec:
        found = [offer.node_per_hour for offer in self.machines]
        if None in found and any(found):
            hint = "give it a price or own; where no machine has one, cost is in device hours"
            message = "has no price, and others have"
            raise fault(message, hint, "missing", ("machines", found.index(None)))
        paid = [each.currency for each in found if each]
        if odd := next((at for at, each in enumerate(paid) if each != paid[0]), None):
            message = f"is paid in {paid[odd]}, others in {paid[0]}"
            raise fault(message, "write all prices in one currency", at=("machines", odd))
        if self.workers is not None and self.workers.price.currency not in paid:
            message = f"is in {self.workers.price.currency}, the prices of machines are not"
            hint = "write all prices in one currency, those of machines too"
            raise fault(message, hint, at=("workers", "price"))
        return self

    @model_validator(mode="after")
    def _check_samples(self) -> SizeSpec:
        target = self.target
        is_open = target is not None and target.within is not None and target.samples is None
        if is_open and self.samples_to_target is None:
            hint = "add samples to the target, or samples_to_target"
            raise fault("does not say how many samples", hint, "missing", ("target",))
        return self

    def groups_of(self, training: TrainingSpec) -> tuple[int, ...]:
        """Numbers of groups that are tried; empty where the spec leaves them open."""
        if self.replicas is not None:
            return tuple(sorted(set(self.replicas)))
        grouping = training.replicas.grouping if training.replicas else Grouping(1)
        return (grouping.groups,) if grouping else ()

    def open_replicas(self, training: TrainingSpec) -> ReplicasSpec | None:
        """Of a training whose groups are yet to be chosen; None where there is only one."""
        if self.groups_of(training) == (1,):
            return None
        return (training.replicas or ReplicasSpec(groups=1)).model_copy(update={"groups": AUTO})

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What is to be small, each once."""
        return tuple(dict.fromkeys(self.minimise))

    @property
    def currency(self) -> str | None:
        """Of all prices; None where there are none."""
        price = self.machines[0].node_per_hour
        return price.currency if price else None
