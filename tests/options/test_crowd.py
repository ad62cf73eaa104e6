"""Hall's condition against trying every way to give out devices."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shardplan.options.crowd import too_close


@st.composite
def members(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Up to four members on up to four devices, each with one or two devices to have."""
    count, devices = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    needs = draw(st.lists(st.integers(1, 2), min_size=count, max_size=count))
    rows = st.lists(st.booleans(), min_size=devices, max_size=devices)
    domains = draw(st.lists(rows, min_size=count, max_size=count))
    return np.array(needs), np.array(domains, dtype=bool)


def can_all_be_served(needs: np.ndarray, domains: np.ndarray) -> bool:
    """Whether some order of the devices, dealt out in turn, suits everybody."""
    wants = np.repeat(np.arange(len(needs)), needs)
    return any(
        all(domains[want, device] for want, device in zip(wants, order, strict=True))
        for order in permutations(range(domains.shape[1]), len(wants))
    )


@given(members())
def test_members_are_named_exactly_when_not_all_can_be_served(drawn):
    needs, domains = drawn
    named = too_close(needs, domains)
    assert (len(named) == 0) == can_all_be_served(needs, domains)


@given(members())
def test_those_named_need_more_devices_than_they_have(drawn):
    needs, domains = drawn
    named = too_close(needs, domains)
    if len(named):
        assert needs[named].sum() > domains[named].any(axis=0).sum()
