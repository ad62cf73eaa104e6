"""All ranks go on, or all refuse with the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.distributed as dist

from shardplan.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence


def faults_of_all(fingerprint: str, faults: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What any rank has found, on every rank alike: a collective, where there are several ranks.

    A rank that refused alone would leave the others waiting in their next collective. Ranks with
    the same faults are told once; ranks whose ``fingerprint`` of the plan differs are named.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return list(faults)
    ranks: list[tuple[str, tuple[Diagnostic, ...]]] = [("", ())] * dist.get_world_size()
    dist.all_gather_object(ranks, (fingerprint, tuple(faults)))
    found = list(dict.fromkeys(each for _, theirs in ranks for each in theirs))
    prints = [each for each, _ in ranks]
    others = [rank for rank, each in enumerate(prints) if each and each != prints[0]]
    if prints[0] and others:
        message = f"ranks {', '.join(map(str, others))} read another plan than rank 0"
        found.append(Diagnostic("plan", 0, 0, "", message, "give every rank the same file"))
    return found
