"""Process groups of 2, 4 and 8 ranks, each started once."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from rank_group import RankGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As the ranks have it: on a busy core two threads of OpenMP wait for one another."""
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def rank_group() -> Iterator[Callable[[int], RankGroup]]:
    """The group of that many ranks; skips where PyTorch is not installed."""
    pytest.importorskip("torch")
    started: dict[int, RankGroup] = {}

    def of(size: int) -> RankGroup:
        if size not in started:
            started[size] = RankGroup(size)
        return started[size]

    yield of
    for group in started.values():
        group.close()
