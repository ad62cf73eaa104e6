"""The constraints of a spec, for a cluster of known size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.options.constraint import Constraint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.sharding.world import World
    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.spec.loaded import LoadedSpec


def build_constraints(loaded: LoadedSpec, world: World) -> tuple[Constraint, ...]:
    """The constraints with tables by position.

    Raises InputError for ranks and nodes that a cluster does not have.
    """
    faults: list[Diagnostic] = []
    for index, written in enumerate(loaded.spec.constraints):
        for key, named, count in _places(written, world):
            for position, place in enumerate(named):
                if place >= count:
                    message = f"there is no {key[:-1]} {place} among {_counted(key, count)}"
                    hint = f"{key} are 0 to {count - 1}"
                    path = ("constraints", index, key, position)
                    faults.append(loaded.document.diagnostic(path, message, hint, "range"))
    if faults:
        raise InputError(faults)
    every = loaded.spec.constraints
    lines = [loaded.document.place_of(("constraints", n)).line for n in range(len(every))]
    return numbered(every, loaded.matches, lines)


def _places(written: ConstraintSpec, world: World) -> tuple[tuple[str, tuple[int, ...], int], ...]:
    """By key, the places that a constraint names, and how many there are."""
    return (
        ("ranks", written.ranks or (), world.size),
        ("nodes", written.nodes or (), world.nodes),
    )


def _counted(key: str, count: int) -> str:
    return f"{count} {'devices' if key == 'ranks' else 'nodes'}"


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
            nodes=tuple(sorted(set(each.nodes))) if each.nodes else None,
            pins=each.pins,
            label=f"constraints[{index}]",
            line=line,
        )
        for index, (each, of, line) in enumerate(
            zip(written, tables, lines or [0] * len(written), strict=True)
        )
    )
