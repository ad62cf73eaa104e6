"""Reads plan files: where training programs import it from, wherever it stands."""

from shardplan.plan.file.read import read_plan

__all__ = ["read_plan"]
