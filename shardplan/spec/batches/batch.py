"""Whether a step's samples can be shared by the devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.batches.module_batch import check_module_batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec


def check_batch(loaded: LoadedSpec, world_size: int) -> Iterator[Diagnostic]:
    """Faults of batches of which devices would have more or fewer samples than others.

    TorchRec's collectives, and gradients that are means over each rank's samples, ask for the same
    number on every rank.
    """
    yield from check_module_batches(loaded, world_size)
    samples = loaded.spec.batch.global_
    if samples is None or samples % world_size == 0:
        return
    message = f"{samples:,} samples are no whole number on each of {world_size:,} devices"
    hint = f"write {nearest_batches(samples, world_size)}"
    yield loaded.document.diagnostic(("batch", "global"), message, hint, "batch")


def nearest_batches(samples: int, world_size: int) -> str:
    """The multiples of ``world_size`` just below and above: ``992 or 1008``."""
    below = samples - samples % world_size
    return " or ".join(str(each) for each in (below, below + world_size) if each)
