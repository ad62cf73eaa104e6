"""What a node costs: for an hour of somebody else's, or one's own over its years."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from shardplan.spec.fields.border import Border, Shorthand
from shardplan.spec.fields.figure import Provenance
from shardplan.spec.fields.money import Amount, Money, PerHour, PerKilowattHour
from shardplan.spec.fields.quantities import Number, Share, Watts
from shardplan.spec.validation.fault import fault

_HOURS_PER_YEAR = 8760
_WATTS_PER_KILOWATT = 1000


class PriceSpec(Shorthand):
    """What others ask for a node; it holds where and when it was asked."""

    value: PerHour
    """Of a node, for an hour."""
    provenance: Provenance | None = None
    """How it is known."""
    source: str | None = None
    """Who says so."""
    date: str | None = None
    """When it was asked."""
    region: str | None = None
    """Where it is asked."""
    kind: str | None = None
    """On demand, spot, reserved."""


class OwnSpec(Border):
    """What a node costs that is bought and run."""

    capex: Amount
    """What it was bought for, with its share of network and racks."""
    years: Annotated[Number, Field(gt=0, le=100)]
    """Over which it is written off."""
    power: Watts = 0.0
    """Of a node, of what it draws in training."""
    pue: Annotated[Number, Field(ge=1, le=10)] = 1.0
    """What the building draws for each watt of a node."""
    energy: PerKilowattHour | None = None
    """What a kilowatt-hour costs."""
    utilisation: Share = 1.0
    """Of the hours of a year, those in which it works."""

    @model_validator(mode="after")
    def _check_currency(self) -> OwnSpec:
        if self.energy is not None and self.energy.currency != self.capex.currency:
            message = f"must be in {self.capex.currency}, as capex is"
            raise fault(message, at=("energy",))
        if self.power and self.energy is None:
            raise fault("is missing: power is given", "for example 0.1USD/kWh", at=("energy",))
        return self

    @property
    def per_hour(self) -> Money:
        """``capex / (years x 8760 x utilisation) + kW x pue x energy``."""
        worked_hours = self.years * _HOURS_PER_YEAR * self.utilisation
        energy = self.energy.amount if self.energy else 0.0
        running = self.power / _WATTS_PER_KILOWATT * self.pue * energy
        return Money(self.capex.amount / worked_hours + running, self.capex.currency, "h")
