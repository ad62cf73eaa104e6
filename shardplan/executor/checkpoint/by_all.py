"""What all ranks do at one time: all succeed, or all fail with the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import torch.distributed as dist

from shardplan.errors import CheckpointError, ShardplanError
from shardplan.executor.exchange.mesh import naming_lost_ranks

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")


class Member(Protocol):
    """A rank of a job: a Mesh, or what there is before one."""

    @property
    def rank(self) -> int:
        """Its number."""

    @property
    def world_size(self) -> int:
        """How many there are."""


def gathered(member: Member, value: Found) -> list[Found]:
    """The values of all ranks, on each of them. Raises RankLost."""
    values = [value] * member.world_size
    if member.world_size > 1:
        with naming_lost_ranks(member.rank, "the checkpoint"):
            dist.all_gather_object(values, value)
    return values


def by_all(member: Member, do: Callable[[], Found]) -> Found:
    """What this rank did, once every rank has done it.

    Raises CheckpointError on all ranks where any could not do it, for a rank that failed alone
    would leave the others waiting for it.
    """
    found, reason, cause = None, "", None
    try:
        found = do()
    except (ShardplanError, OSError, MemoryError) as error:
        reason, cause = _reason(error), error
    reasons = list(dict.fromkeys(filter(None, gathered(member, reason))))
    if reasons:
        raise CheckpointError("; ".join(reasons)).agreed() from cause
    return found  # type: ignore[return-value]


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
