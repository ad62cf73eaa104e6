"""Random problems small enough to try every placement of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from problems import problem_of

from shardplan.solve.problem.charges import Charges
from shardplan.solve.problem.problem import Problem, Shape

CHAINS = (
    ([0], 1),
    ([0], 2),
    ([0, 0, 1], 2),
    ([0, 1, 0, 1], 2),
    ([0, 0, 0], 1),
    ([(0, 1), 0, 1], 2),
    ([(0, 1), 0, 1, 2], 3),
)
"""Of each stage its chain, or its chains; and how many there are."""
SCALES = (1.0, 1e-3, 1e-5)
"""Seconds: a step of a large model, of a usual one, and of one that hardly does anything."""


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to 5 items on up to 4 devices, often with little memory to spare or too little.

    In a third of them devices of a node share some of what units use.
    """
    nodes = draw(st.sampled_from([1, 2, 2]))
    devices = draw(st.sampled_from([2, 4, 4] if nodes == 2 else [1, 2, 3, 4]))
    items = draw(st.integers(1, 5))
    counts = [draw(st.integers(1, 3)) for _ in range(items)]
    total = sum(counts)
    chain_of_stage, chain_count = draw(st.sampled_from(CHAINS))

    def array(values: st.SearchStrategy[int], *shape: int) -> np.ndarray:
        flat = draw(st.lists(values, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
        return np.array(flat, dtype=np.float64).reshape(shape)

    shape = array(st.sampled_from([0, 0, 0, 1, 2]), total).astype(np.int8)
    units = array(st.sampled_from([1, 1, 2, 3]), total).astype(np.int64)
    units[shape == Shape.ALL] = 1
    domains = np.ones((1, devices), dtype=bool)
    domain = np.zeros(total, dtype=np.int64)
    item_of_option = np.repeat(np.arange(items), counts)
    if draw(st.booleans()):
        domains = np.vstack([domains, array(st.sampled_from([0, 1, 1]), 1, devices) > 0])
        domain = array(st.sampled_from([0, 0, 1]), items).astype(np.int64)[item_of_option]
    apart = _apart(draw, items)
    kept_apart = np.isin(item_of_option, np.concatenate([[-1], *apart]))
    everywhere = (shape == Shape.ALL) & (kept_apart | ~domains.all(axis=1)[domain])
    shape[everywhere] = Shape.DEVICE  # as in every formulated problem

    load = array(st.sampled_from([0, 1, 2, 3, 5, 8, 13]), total, len(chain_of_stage))
    scale = draw(st.sampled_from(SCALES))
    spill = np.zeros_like(load)
    if draw(st.sampled_from([False, False, True])):
        shared = array(st.sampled_from([0.0, 0.0, 0.5, 1.0]), total, 1)
        spill = load * scale / 8.0 * np.where((shape == Shape.DEVICE)[:, None], shared, 0.0)
    device_bytes = array(st.integers(0, 9), total, 1)
    node_bytes = array(st.sampled_from([0, 0, 1, 2, 5]), total, 2)
    tightness = draw(st.sampled_from([1.5, 2.0, 3.0, 5.0, 1.0]))
    width = np.array([1, devices // nodes, devices])[shape] * units
    touched = np.array([1, 1, nodes])[shape] * units
    return problem_of(
        load * scale / 8.0,
        options_per_item=counts,
        shape=shape,
        units=units,
        device_bytes=device_bytes,
        node_bytes=node_bytes,
        devices=devices,
        nodes=nodes,
        device_capacity=_capacity(counts, device_bytes * width[:, None], tightness, devices),
        node_capacity=np.tile(
            _capacity(counts, node_bytes * touched[:, None], tightness, nodes), (nodes, 1)
        ),
        chain_of_stage=chain_of_stage,
        chain_seconds=array(st.sampled_from([0, 1, 4]), chain_count) * scale / 8.0,
        domain=domain,
        domains=domains,
        apart=apart,
        spill_seconds=spill,
    )


@st.composite
def charged_problems(draw: st.DrawFn, most_groups: int = 4) -> Problem:
    """The same, with charges from a small one to one that outweighs all loads; groups overlap."""
    problem = draw(problems())
    count = draw(st.integers(1, most_groups))
    members = draw(
        st.lists(
            st.sets(st.integers(0, count - 1), max_size=2),
            min_size=problem.option_count,
            max_size=problem.option_count,
        )
    )
    of_option = np.zeros((problem.option_count, count), dtype=bool)
    for option, groups in enumerate(members):
        of_option[option, list(groups)] = True
    least = problem.load_seconds[problem.load_seconds > 0].min(initial=1.0)
    drawn = st.sampled_from([0, 0, 1, 2, 5, 13, 40])
    flat = draw(st.lists(drawn, min_size=count * problem.stage_count,
                         max_size=count * problem.stage_count))  # fmt: skip
    seconds = np.reshape(flat, (count, problem.stage_count)) * least
    return replace(
        problem, objective=replace(problem.objective, charges=Charges(of_option, seconds))
    )


def _apart(draw: st.DrawFn, items: int) -> tuple[np.ndarray, ...]:
    if items < 2 or not draw(st.booleans()):
        return ()
    groups = draw(st.lists(st.sets(st.integers(0, items - 1), min_size=2), min_size=1, max_size=2))
    return tuple(np.array(sorted(group)) for group in groups)


def _capacity(
    counts: list[int], total_bytes: np.ndarray, tightness: float, places: int
) -> np.ndarray:
    """Of one place: a share of what the leanest options of all items would need, spread evenly."""
    starts = np.cumsum([0, *counts[:-1]])
    least = np.minimum.reduceat(total_bytes, starts, axis=0)
    return np.maximum(np.ceil(least.sum(axis=0) * tightness / places), least.max(axis=0) / places)
