"""A machine that could be had, in which numbers and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import model_validator

from shardplan.spec.catalog.reference import CostModelReference, TopologyReference
from shardplan.spec.fields.border import Name, Shorthand
from shardplan.spec.fields.quantities import Fraction
from shardplan.spec.sizing.nodes_spec import NodesSpec
from shardplan.spec.sizing.price_spec import OwnSpec, PriceSpec
from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from shardplan.spec.fields.money import Money


class OfferSpec(Shorthand):
    """A topology, its numbers of nodes, and what one costs."""

    plain: ClassVar[str] = "topology"

    topology: TopologyReference
    """A preset's name, {name}, {path}, or a topology written inline."""
    name: Name | None = None
    """What answers call it; the topology's name where left out."""
    cost_model: CostModelReference | None = None
    """Where left out, that of the spec if the topology is the spec's, else what the topology
    names."""
    nodes: NodesSpec | None = None
    """As many as the topology says where left out."""
    spare: Fraction = 0.0
    """Of the nodes, those that are paid to stand by; rounded up to whole nodes."""
    price: PriceSpec | None = None
    """What is asked for a node."""
    own: OwnSpec | None = None
    """In place of a price: what a node of one's own costs."""

    @model_validator(mode="after")
    def _check_one_price(self) -> OfferSpec:
        if self.price is not None and self.own is not None:
            raise fault("must have only one of 'price' and 'own'")
        return self

    @property
    def node_per_hour(self) -> Money | None:
        """What a node costs for an hour; None where that is not said."""
        if self.own is not None:
            return self.own.per_hour
        return self.price.value if self.price else None
