"""At which size a collective that a plan may use little or much is read off as a straight line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from shardplan.cost.analytic.collectives import Collectives
    from shardplan.topology.collective import Collective, Scope


def reading_bytes(
    collectives: Collectives,
    collective: Collective,
    scope: Scope,
    least_bytes: float,
    most_bytes: float,
) -> float:
    """Between two sizes the one whose line, with its start-up, is off least at all the others.

    By the ratio of what the line says to what the collective takes. An algorithm that is quickest
    for few bytes may be many times slower for many, while that for many loses no more than its
    start-up on few. Sizes that double are looked at.
    The larger of equally good ones; ``most_bytes`` where nothing is sent.
    """
    if not 0 < least_bytes < most_bytes:
        return most_bytes
    doublings = math.ceil(math.log2(most_bytes / least_bytes))
    sizes = np.geomspace(least_bytes, most_bytes, doublings + 1)
    each = collective, scope
    taken = np.array([collectives.seconds(*each, size) for size in sizes.tolist()])
    if taken.min() <= 0:
        return most_bytes
    lines = [
        (collectives.once_seconds(*each, size), collectives.average(*each, size).seconds_per_byte)
        for size in sizes.tolist()
    ]
    once, per_byte = np.array(lines).T
    off = np.abs(np.log((once[:, None] + per_byte[:, None] * sizes) / taken)).max(axis=1)
    return float(sizes[::-1][np.argmin(off[::-1])])
