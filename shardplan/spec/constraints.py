"""The constraints of a spec, for a cluster of known size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.options.constraint import Constraint

if TYPE_CHECKING:
    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec


def build_constraints(loaded: LoadedSpec, world_size: int) -> tuple[Constraint, ...]:
    """The constraints with tables by position.

    Raises InputError for ranks that a cluster of ``world_size`` devices does not have.
    """
    faults: list[Diagnostic] = []
    built = []
    for index, (written, tables) in enumerate(
        zip(loaded.spec.constraints, loaded.matches, strict=True)
    ):
        for position, rank in enumerate(written.ranks or ()):
            if rank >= world_size:
                message = f"there is no rank {rank} among {world_size} devices"
                hint = f"ranks are 0 to {world_size - 1}"
                path = ("constraints", index, "ranks", position)
                faults.append(loaded.document.diagnostic(path, message, hint, "range"))
        built.append(
            Constraint(
                tables=tables,
                sharding=written.sharding,
                kernels=written.kernels,
                together=written.together,
                apart=written.apart,
                ranks=tuple(sorted(set(written.ranks))) if written.ranks else None,
                label=f"constraints[{index}]",
            )
        )
    if faults:
        raise InputError(faults)
    return tuple(built)
