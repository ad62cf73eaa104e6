"""The ranks of a job: where training programs import it from, wherever it stands."""

from shardplan.executor.exchange.mesh import Mesh

__all__ = ["Mesh"]
