"""Where the variables of the exact integer program stand (see ``assignment``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.program.program import ProgramBuilder


@dataclass(frozen=True)
class AssignmentColumns:
    """Columns by what they stand for."""

    problem: Problem
    y: NDArray[np.int64]
    """(O,): the column of each option, -1 where the option was left out."""
    x: NDArray[np.int64]
    """(X,): columns of units on places."""
    x_option: NDArray[np.int64]
    x_place: NDArray[np.int64]
    """(X,): a device or a node, by the shape of the option."""
    stage: NDArray[np.int64]
    base: NDArray[np.int64]
    """(S,): what all-device options put on every device."""
    spill: NDArray[np.int64]
    """(N, S): what units spill on every device of a node; (0, S) where none does."""
    paid: NDArray[np.int64]
    """(G,): whether each group of options is paid for."""
    objective: int
    """The column that is minimised."""

    @classmethod
    def added_to(
        cls,
        build: ProgramBuilder,
        problem: Problem,
        options: NDArray[np.int64],
        *,
        elastic: bool,
    ) -> Self:
        """Add the variables of ``options`` (n,) to a program.

        It minimises the objective or, where it is ``elastic``, the memory that is missing; time
        does not matter then.
        """
        stages = np.arange(problem.stage_count)
        y = np.full(problem.option_count, -1, dtype=np.int64)
        y[options] = build.add_columns(
            "y",
            [problem.item_of_option[options], options],
            upper=1.0,
            integer=~problem.mixable[options],
        )
        x_option, x_place = _places(problem, options)
        limit = problem.units[x_option].astype(np.float64)
        limit[problem.is_apart[problem.item_of_option[x_option]]] = 1.0
        x = build.add_columns(
            "x", [x_option, x_place], upper=limit, integer=~problem.mixable[x_option]
        )
        stage = build.add_columns("M", [stages])
        base = build.add_columns("B", [stages])
        spill = np.zeros((0, len(stages)), dtype=np.int64)
        if problem.has_spill and not elastic:
            node, kind = (part.ravel() for part in np.indices((problem.node_count, len(stages))))
            spill = build.add_columns("spill", [node, kind]).reshape(-1, len(stages))
        paid = np.zeros(0, dtype=np.int64)
        if not elastic:
            paid = problem.objective.add_paid(build, whole=True)
        minimised = "missing" if elastic else "objective"
        objective = int(build.add_columns(minimised, [np.array([0])], cost=1.0)[0])
        return cls(problem, y, x, x_option, x_place, stage, base, spill, paid, objective)


def _places(
    problem: Problem, options: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(option, place) of every place on which a unit of an option may land."""
    found = []
    for shape, open_ in ((Shape.DEVICE, problem.domains), (Shape.NODE, problem.node_domains)):
        chosen = options[problem.shape[options] == shape]
        option, place = np.nonzero(open_[problem.domain[chosen]])
        found.append((chosen[option], place))
    option = np.concatenate([part[0] for part in found])
    place = np.concatenate([part[1] for part in found])
    order = np.lexsort((place, option))
    return option[order], place[order]
