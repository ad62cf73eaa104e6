"""The fused optimizer: where training programs import it from, wherever it stands."""

from shardplan.executor.planned.optimizer_settings import OptimizerSettings

__all__ = ["OptimizerSettings"]
