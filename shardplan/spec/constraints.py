"""The constraints of a spec, for a cluster of known size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.options.constraint import Constraint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.spec import ConstraintSpec


def build_constraints(loaded: LoadedSpec, world_size: int) -> tuple[Constraint, ...]:
    """The constraints with tables by position.

    Raises InputError for ranks that a cluster of ``world_size`` devices does not have.
    """
    faults: list[Diagnostic] = []
    for index, written in enumerate(loaded.spec.constraints):
        for position, rank in enumerate(written.ranks or ()):
            if rank >= world_size:
                message = f"there is no rank {rank} among {world_size} devices"
                hint = f"ranks are 0 to {world_size - 1}"
                path = ("constraints", index, "ranks", position)
                faults.append(loaded.document.diagnostic(path, message, hint, "range"))
    if faults:
        raise InputError(faults)
    every = loaded.spec.constraints
    lines = [loaded.document.place_of(("constraints", n)).line for n in range(len(every))]
    return numbered(every, loaded.matches, lines)


def numbered(
    written: Sequence[ConstraintSpec],
    tables: Sequence[tuple[int, ...]],
    lines: Sequence[int] | None = None,
) -> tuple[Constraint, ...]:
    """Constraints as they are written, each with the positions of its tables, rising.

    And with the line where it stands, where there are ``lines``.
    """
    return tuple(
        Constraint(
            tables=of,
            sharding=each.sharding,
            kernels=each.kernels,
            together=each.together,
            apart=each.apart,
            ranks=tuple(sorted(set(each.ranks))) if each.ranks else None,
            label=f"constraints[{index}]",
            line=line,
        )
        for index, (each, of, line) in enumerate(
            zip(written, tables, lines or [0] * len(written), strict=True)
        )
    )
