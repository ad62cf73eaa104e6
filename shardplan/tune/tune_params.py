"""How far tuning goes, and how sure it wants to be."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RaceParams:
    """When the order of two plans counts as known."""

    error: float = 0.05
    """The chance, over a whole tuning, that some plan which was given up is in truth the faster
    one by more than ``margin``."""
    margin: float = 0.01
    """Relative: a smaller difference does not matter."""
    prior_noise: float = 0.05
    """Of a run, relative: what is assumed before there are runs to tell."""
    prior_runs: float = 1.0
    """How many degrees of freedom that assumption is worth."""
    disturbed: float = 2.0
    """How many times as long a run may take that something else disturbs."""
    passes_a_round: int = 3
    """While other plans are still to come: each that may be the best runs so often."""
    most_passes: int = 120
    """Of the last race, where the budget does not end it."""


@dataclass(frozen=True, slots=True)
class Priors:
    """How far off a calibrated model is expected to be: standard deviations.

    Factors are in log space. What is added is in shares of a measured step, and never negative.
    """

    phase: float = 0.7
    """Of all that a phase does: twice or half as long is ordinary."""
    sharding: float = 0.4
    """Of what one sharding type does in a phase, beside the others."""
    per_step: float = 0.3
    per_group: float = 0.15
    per_table: float = 0.3
    """Of all tables together."""
    misfit: float = 0.02
    """What the form of the model leaves of a step however well it is fitted."""
    phase_misfit: float = 0.1
    """The same of a phase."""
    least_share: float = 0.01
    """Of a step: what is shorter is known no better than that."""


@dataclass(frozen=True, slots=True)
class TuneParams:
    """Of the loop."""

    rounds: int = 6
    """At most: each solves with the corrected model, and runs what is new."""
    patience: int = 3
    """Stop once the best plan has not changed for so many rounds."""
    draws: int = 3
    """Of each round after the first, at most so many plans: that of the corrected model, and those
    of models drawn at random from what the measurements leave open."""
    attempts: int = 9
    """In which to draw so many that are new."""
    widening: float = 0.5
    """By how much each draw is wider than the one before."""
    neighbours: int = 2
    """In each round after the first, at most so many plans that differ from the fastest in one
    table."""
    slack: float = 0.005
    """By how much these may be predicted to be slower."""
    most_subsets: int = 6
    """Of the plans with some of the sharding types alone."""
    worst_prediction: float = 3.0
    """Over the best prediction: what is beyond is not run in the first round."""
    look_share: float = 0.3
    """Of the budget that is left, at most for looking for the plans of a round."""
    last_share: float = 0.3
    """Of the budget, kept for the last race."""
    race: RaceParams = field(default_factory=RaceParams)
    priors: Priors = field(default_factory=Priors)
