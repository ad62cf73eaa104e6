"""Workers that slow each other down."""

from __future__ import annotations


def utilisation_with_slowdown(offered: float, workers: int, per_busy_share: float) -> float | None:
    """Share of ``workers`` that are busy, where service takes ``1 + per_busy_share u`` times as
    long while a share u of them is.

    ``offered`` is the arrivals per second times the mean seconds of service beside nobody. The
    least u with ``u = offered / workers (1 + per_busy_share u)``; None where that is 1 or more,
    though it may be less without slow-down. Linear slow-down is a fit (RecPipe's engines).
    """
    alone = offered / workers
    left = 1 - alone * per_busy_share
    busy = alone / left if left > 0 else 1.0
    return busy if busy < 1 else None
