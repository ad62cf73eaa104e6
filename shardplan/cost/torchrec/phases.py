"""The phases that TorchRec's estimator tells apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.cost.exchange import Exchange
from shardplan.cost.output_exchanges import exchange_of_replicas, output_exchanges
from shardplan.cost.output_route import OutputRoute
from shardplan.cost.phases import (
    GRADIENT_COMM,
    LOOKUP_FORWARD,
    OUTPUT_COMM,
    PREFETCH,
    UPDATE_BACKWARD,
)
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.phase import Phase
    from shardplan.cost.torchrec.constants import Bandwidths
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World


def torchrec_phases(world: World, links: Bandwidths) -> tuple[Phase, ...]:
    """The parts of ``Perf.total``; TorchRec adds them all up, so that none is hidden.

    Where the gradients of data-parallel tables are reduced, it counts them with the pooled ones.
    """
    peers_are_slower = world.nodes > 1 and (
        links.intra_host > world.devices_per_node * links.inter_host
    )

    def exchanges(of_rows: Collective, is_pooled: bool = True) -> Mapping[ShardingType, Exchange]:
        peers = Exchange(Collective.ALL_TO_ALL, Scope.PEERS)
        return output_exchanges(
            {
                OutputRoute.WHOLE_ROWS: Exchange(Collective.ALL_TO_ALL, Scope.ALL),
                OutputRoute.ROWS_OF_ALL: Exchange(of_rows, Scope.ALL),
                OutputRoute.ROWS_OF_NODE: (
                    peers if peers_are_slower else Exchange(of_rows, Scope.NODE)
                ),
            },
            is_pooled,
        )

    replicas = exchange_of_replicas(Exchange(Collective.ALL_REDUCE, Scope.ALL))
    return (
        LOOKUP_FORWARD,
        replace(
            OUTPUT_COMM,
            exchanges=exchanges(Collective.REDUCE_SCATTER),
            unpooled_exchanges=exchanges(Collective.REDUCE_SCATTER, is_pooled=False),
        ),
        replace(
            GRADIENT_COMM,
            exchanges={**exchanges(Collective.ALL_GATHER), **replicas},
            unpooled_exchanges={**exchanges(Collective.ALL_GATHER, is_pooled=False), **replicas},
        ),
        UPDATE_BACKWARD,
        replace(PREFETCH, hides_behind=None),
    )
