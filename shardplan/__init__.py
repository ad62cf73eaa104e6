"""Plans how the embedding tables of a recommendation model are sharded over a training cluster."""

from shardplan.api import explain, load, plan, read_plan, verify, write_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Reporter",
    "Settings",
    "explain",
    "load",
    "plan",
    "read_plan",
    "verify",
    "write_plan",
]
