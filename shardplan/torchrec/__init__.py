"""A planner that stands where TorchRec's stood: ``from shardplan.torchrec import Planner``."""

from shardplan.torchrec.planner import Planner

__all__ = ["Planner"]
