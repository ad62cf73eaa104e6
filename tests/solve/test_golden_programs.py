"""The integer program and the relaxation as LP files, one per family of constraints.

All are of one problem on two nodes with two devices each. Item 0 is one unit on a device (option 0)
or lies on all devices (option 1); item 1 is two units on devices (option 2) or one on a node
(option 3). A step has two stages, each a chain of its own. Seconds and bytes are chosen so that one
unit of time is one second, and so that all shares of memory are short numbers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from problems import problem_of

from shardplan.solve.bound.move_limit import MoveLimit
from shardplan.solve.bound.relaxation import relaxation_program
from shardplan.solve.exact.assignment import assignment
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.pulp_model import to_pulp

if TYPE_CHECKING:
    from shardplan.solve.program.program import Program

GOLDEN = Path(__file__).parents[1] / "data" / "lp"


def make_problem(**changes) -> Problem:
    problem = problem_of(
        [[2.0, 1.0], [0.5, 0.25], [0.25, 0.125], [0.375, 0.25]],
        options_per_item=2,
        shape=[Shape.DEVICE, Shape.ALL, Shape.DEVICE, Shape.NODE],
        units=[1, 1, 2, 1],
        device_bytes=[4.0, 2.0, 3.0, 1.0],
        node_bytes=[0.0, 6.0, 5.0, 7.0],
        devices=4,
        nodes=2,
        device_capacity=8.0,
        node_capacity=10.0,
        chain_of_stage=[0, 1],
        chain_seconds=[0.0625, 0.03125],
    )
    assert problem.time_unit == 1.0
    return dataclasses.replace(problem, **changes)


RESTRICTED = {
    "domain": np.array([1, 0, 2, 2]),
    "domains": np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 1, 1, 1]], dtype=bool),
}
"""Option 0 may land on devices 1 and 2, item 1 anywhere but on device 0: not on the first node."""


def only(program: Program, family: str) -> Program:
    """The program with no rows but those of one family, and no columns but those in them."""
    rows = [row for row, name in enumerate(program.row_names) if name.startswith(f"{family}_")]
    entries = np.concatenate(
        [np.arange(program.row_starts[row], program.row_starts[row + 1]) for row in rows]
    )
    used = np.union1d(program.columns[entries], np.flatnonzero(program.cost))
    return dataclasses.replace(
        program,
        row_lower=program.row_lower[rows],
        row_upper=program.row_upper[rows],
        row_names=tuple(program.row_names[row] for row in rows),
        row_starts=np.concatenate([[0], np.cumsum(np.diff(program.row_starts)[rows])]),
        columns=np.searchsorted(used, program.columns[entries]),
        values=program.values[entries],
        cost=program.cost[used],
        lower=program.lower[used],
        upper=program.upper[used],
        integer=program.integer[used],
        column_names=tuple(program.column_names[column] for column in used),
    )


def check(program: Program, name: str, folder: Path, update: bool) -> None:
    """The program's LP file is the golden one."""
    golden, written = GOLDEN / f"{name}.lp", folder / f"{name}.lp"
    to_pulp(program)[0].writeLP(str(written))
    if update:
        golden.write_text(written.read_text())
    assert written.read_text() == golden.read_text()


CHANGES = {
    "choose": {},
    "land": {},
    "stage": {},
    "chain": {},
    "device_memory": {},
    "node_memory": {},
    "average": {},
    "unit": {},
    "base": {},
    "apart": {
        "shape": np.array([Shape.DEVICE, Shape.DEVICE, Shape.DEVICE, Shape.NODE], dtype=np.int8),
        "apart": (np.array([0, 1]),),
    },
}
"""What differs from the usual problem where a family needs it: all-device options are not apart."""


@pytest.mark.parametrize("family", CHANGES)
def test_each_family_of_constraints(family, tmp_path, update_golden):
    """choose: an option per item. land: as many units as the option has, over its places; option 1
    has no places. stage: M[s] bears option 1 whole, units on the device, and on its node. chain:
    the objective bears chain_seconds and its stages. memory: in shares of 8 and 10 bytes. apart:
    one unit of either item per device. average: total loads over 4 devices. unit: M[s] - B[s] bears
    the fullest device. base: what option 1 puts on every device.
    """
    program = assignment(make_problem(**CHANGES[family]), named=True).program
    check(only(program, family), family, tmp_path, update_golden)


def test_a_domain_leaves_out_variables(tmp_path, update_golden):
    """Rows ``land`` hold no places but devices 1 and 2, devices 1 to 3, and the second node."""
    program = assignment(make_problem(**RESTRICTED), named=True).program
    check(only(program, "land"), "domain", tmp_path, update_golden)


@pytest.mark.parametrize("family", ["device_memory", "node_memory"])
def test_the_elastic_program_asks_for_the_least_missing_memory(family, tmp_path, update_golden):
    """A device may hold more than its 8 bytes, or a node than its 10, by a share, minimised."""
    program = assignment(make_problem(), elastic=((family, 0),), named=True).program
    check(only(program, family), f"elastic_{family}", tmp_path, update_golden)


def test_options_left_out_have_no_variables(tmp_path, update_golden):
    """The whole program when each item has one option left."""
    allowed = np.array([False, True, False, True])
    program = assignment(make_problem(), allowed, named=True).program
    check(program, "whole", tmp_path, update_golden)


def test_the_relaxation(tmp_path, update_golden):
    """Rows: choose for both items, chain, base, average, memory in total, a unit row of item 1."""
    check(relaxation(make_problem()), "relaxation", tmp_path, update_golden)


def test_the_relaxation_where_moves_are_limited(tmp_path, update_golden):
    """One more row, before that of the unit: in shares of the 8 bytes that may move."""
    moves = MoveLimit(8.0, least_bytes=np.array([0.0, 6.0, 4.0, 2.0]))
    check(relaxation(make_problem(), moves), "relaxation_moves", tmp_path, update_golden)


def relaxation(problem: Problem, moves: MoveLimit | None = None) -> Program:
    """The relaxation with a unit row of item 1, its columns named."""
    every = np.ones(problem.option_count, dtype=bool)
    program, columns = relaxation_program(problem, every, np.array([[1, 0]]), moves)
    names = {columns.objective: "objective"}
    for family, found in (("y", columns.y), ("M", columns.stage), ("B", columns.base)):
        names |= {int(column): f"{family}_{i}" for i, column in enumerate(found)}
    return dataclasses.replace(
        program, column_names=tuple(names[i] for i in range(program.column_count))
    )
