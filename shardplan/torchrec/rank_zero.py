"""What rank 0 works out, on every rank of a group: its answer, or its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import torch.distributed as dist

from shardplan.errors import InputError, ShardplanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.diagnostics import Diagnostic

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error in words that survive the way to other ranks."""

    text: str
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, error: Exception) -> _Refusal:
        if isinstance(error, InputError):
            return cls("", error.diagnostics)
        told = (
            str(error) if isinstance(error, ShardplanError) else f"{type(error).__name__}: {error}"
        )
        return cls(told, ())

    def error(self) -> ShardplanError:
        """As the other ranks raise it."""
        if self.diagnostics:
            return InputError(self.diagnostics).agreed()
        return ShardplanError(self.text).agreed()


def of_rank_zero(work: Callable[[], Answer], group: dist.ProcessGroup) -> Answer:
    """A collective: rank 0 of the group works, the others wait, and all have what it has found.

    Where it raises, every rank raises: rank 0 its own error, the others a ShardplanError that says
    the same.
    """
    found: list[object] = [None]
    raised: Exception | None = None
    if dist.get_rank(group) == 0:
        try:
            found = [work()]
        except Exception as error:
            raised, found = error, [_Refusal.of(error)]
    dist.broadcast_object_list(found, src=dist.get_global_rank(group, 0), group=group)
    if raised is not None:
        raise raised.agreed() if isinstance(raised, ShardplanError) else raised
    if isinstance(found[0], _Refusal):
        raise found[0].error()
    return cast("Answer", found[0])
