"""The objective of a copy, and what its smooth stand-in weighs, compiled to the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.objective import LOG2_CHAIN_EXPONENT, SHORTER_CHAINS
from shardplan.solve.problem.power_mean import LEAST_REFERENCE, LEAST_SECONDS
from shardplan.solve.search.compiling.jit import inner
from shardplan.solve.search.repartition.compiled.arrays import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.search.repartition.compiled.arrays import Objective

    Doubles = NDArray[np.float64]
    Counts = NDArray[np.int32]


@inner
def _longest(load: Doubles) -> Doubles:
    """(S,): of (D, S) loads."""
    found = np.empty(load.shape[1])
    for stage in range(load.shape[1]):
        found[stage] = load[0, stage]
        for device in range(1, load.shape[0]):
            found[stage] = max(found[stage], load[device, stage])
    return found


@inner
def _chains(stages: Doubles, uses: Counts, objective: Objective) -> Doubles:
    """(C,): see ``ChainObjective.chains``, of (S,) seconds without what is paid for ``uses``."""
    in_chain, charges = objective.in_chain, objective.charge_seconds
    lasts, found = np.empty(stages.size), np.empty(in_chain.shape[1])
    for stage in range(stages.size):
        paid = 0.0
        for group in range(len(charges)):
            if uses[group] > 0:
                paid += charges[group, stage]
        lasts[stage] = stages[stage] + paid
    for chain in range(found.size):
        together = 0.0
        for stage in range(stages.size):
            if in_chain[stage, chain]:
                together += lasts[stage]
        found[chain] = together + objective.chain_seconds[chain]
    return found


@inner
def seconds_of(load: Doubles, uses: Counts, objective: Objective) -> float:
    """See ``ChainObjective.seconds``."""
    chains = _chains(_longest(load), uses, objective)
    most: float = chains[0]
    for chain in range(1, chains.size):
        most = max(most, chains[chain])
    return most


@inner
def _stage_weights(chains: Doubles, objective: Objective) -> Doubles:
    """(S,): see ``ChainObjective.stage_weights``, of (C,) seconds of chains."""
    in_chain, most, total = objective.in_chain, chains[0], 0.0
    for chain in range(1, chains.size):
        most = max(most, chains[chain])
    weight, found = np.empty(chains.size), np.empty(in_chain.shape[0])
    for chain in range(chains.size):
        power = chains[chain] / most
        for _ in range(LOG2_CHAIN_EXPONENT):
            power *= power
        weight[chain] = power
        total += power
    for stage in range(found.size):
        found[stage] = 0.0
        for chain in range(chains.size):
            if in_chain[stage, chain]:
                found[stage] += weight[chain] / total + SHORTER_CHAINS
    return found


@inner
def stage_weights_of(stages: Doubles, uses: Counts, objective: Objective) -> Doubles:
    """(S,): by how much the smooth objective rises with each of (S,) stages."""
    found: Doubles = _stage_weights(_chains(stages, uses, objective), objective)
    return found


@inner
def _mean_power(load: Doubles, stage: int, reference: float, squarings: int) -> float:
    """The mean over devices of a stage's powers, of at least the slowest device alone."""
    devices = load.shape[0]
    together: float = 0.0
    for device in range(devices):
        power = load[device, stage] / reference
        for _ in range(squarings):
            power *= power
        together += power
    mean: float = max(together / devices, 1.0 / devices)
    return mean


@inner
def weights_of(
    load: Doubles,
    uses: Counts,
    objective: Objective,
    squarings: int,
    largest: np.float32,
    heat: np.float32,
) -> Weights:
    """See ``PairObjective``: of one copy."""
    reference, longest = _longest(load), LEAST_SECONDS
    for stage in range(reference.size):
        longest = max(longest, reference[stage])
    together = 0.0
    for stage in range(reference.size):
        reference[stage] = max(reference[stage], LEAST_REFERENCE * longest)
        together += reference[stage]
    weight = stage_weights_of(reference, uses, objective)
    slope = np.empty(reference.size, np.float32)
    parts = load.shape[0] << squarings
    for stage in range(reference.size):
        mean = _mean_power(load, stage, reference[stage], squarings)
        root = mean
        for _ in range(squarings):
            root = np.sqrt(root)
        slope[stage] = np.float32(reference[stage] * weight[stage] * (root / mean / parts))
    charges = objective.charge_seconds
    charge = np.zeros(len(charges))
    for group in range(len(charges)):
        for stage in range(reference.size):
            charge[group] += weight[stage] * charges[group, stage]
    price = np.float32(objective.overflow_price * together)
    return Weights(reference, slope, charge, price, largest, squarings, heat)
