"""All that is compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from shardplan.size.answer.design import Design

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.size.space.candidate import Candidate
    from shardplan.size.space.offer import Offer
    from shardplan.spec.sizing.size_spec import SizeSpec
    from shardplan.topology.machine import Machine

_MACHINES_KEPT = 32
"""Built: candidates that follow one another differ in batch and groups first."""


@dataclass(frozen=True, eq=False)
class Space:
    """Machines, and every candidate that is asked about, in order."""

    name: str
    """The spec's."""
    size: SizeSpec
    offers: tuple[Offer, ...]
    candidates: tuple[Candidate, ...]
    """Those that there can be."""
    excluded: tuple[tuple[Candidate, str], ...] = ()
    """Those that there cannot be, by their numbers alone, and why."""

    @property
    def local_batches(self) -> frozenset[int]:
        """Numbers of samples on each device that are asked about."""
        asked = self.size.batch or [offer.case.spec.batch for offer in self.offers]
        return frozenset(each.local for each in asked if each.local is not None)

    def offer_of(self, candidate: Candidate) -> Offer:
        """Its machine."""
        return self.offers[candidate.offer]

    def design(self, candidate: Candidate) -> Design:
        """What answers call it by."""
        offer = self.offer_of(candidate)
        return Design(
            machine=offer.name,
            nodes=candidate.nodes,
            devices_per_node=offer.devices_per_node,
            groups=candidate.groups,
            global_batch=candidate.batch,
        )

    def case(self, candidate: Candidate) -> Case:
        """What a plan of it is made for.

        Raises InputError where constraints name ranks or nodes that are not there.
        """
        offer = self.offer_of(candidate)
        spec, training = offer.case.spec, offer.case.spec.training
        replicas = training.replicas
        if replicas is not None:
            of = replicas.model_copy(update={"groups": candidate.groups})
            training = training.model_copy(
                update={"replicas": of if candidate.groups > 1 else None}
            )
        batch = spec.batch.model_copy(update={"global_": candidate.batch, "local": None})
        machine = self._machine_of(candidate.offer, candidate.nodes)
        return offer.case.with_(machine=machine, batch=batch, training=training)

    @cached_property
    def _machine_of(self) -> Callable[[int, int], Machine]:
        def build(offer: int, nodes: int) -> Machine:
            return self.offers[offer].case.machine.with_nodes(nodes)

        return lru_cache(_MACHINES_KEPT)(build)
