"""Plans how the embedding tables of a recommendation model are sharded over a training cluster."""

from shardplan.api import (
    explain,
    load,
    make_profile,
    plan,
    read_plan,
    verify,
    write_plan,
    write_profile,
)
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.version import __version__

__all__ = [
    "Reporter",
    "Settings",
    "__version__",
    "explain",
    "load",
    "make_profile",
    "plan",
    "read_plan",
    "verify",
    "write_plan",
    "write_profile",
]
