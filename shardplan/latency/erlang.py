"""How many of those who come have to wait."""

from __future__ import annotations


def waiting_share(offered: float, servers: int) -> float:
    """Erlang's C: the share of arrivals that find all servers busy, of a Poisson process.

    ``offered`` is the arrivals per second times the mean seconds of service. Exact where service is
    exponential or there is one server, and near for any other (Erlang 1917). 1 where the servers do
    not keep up.
    """
    utilisation = offered / servers
    if utilisation >= 1:
        return 1.0
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = offered * blocked / (busy + offered * blocked)
    return blocked / (1 - utilisation * (1 - blocked))
