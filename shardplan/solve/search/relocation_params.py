"""How a search for a placement near a known one goes on, round by round."""

from __future__ import annotations

from dataclasses import dataclass, field

from shardplan.solve.search.repartition.repartition import RepartitionParams
from shardplan.solve.search.starts.starting_options import OptionChoiceParams


@dataclass(frozen=True, slots=True)
class LeastRelocationParams:
    """How what moves least is looked for among placements that are good enough."""

    balancing: RepartitionParams = field(
        default_factory=lambda: RepartitionParams(
            rounds=200, changes=6, hottest=1e-3, log2_exponents=(4, 7)
        )
    )
    """Of one series, around one start."""
    series: int = 6
    """By a whole effort; ..."""
    fruitless_series: int = 3
    """... so many in a row that find nothing are enough, one for each start."""
    copies_devices: int = 64
    """Placements are balanced side by side, so that they have about so many devices; ..."""
    copies: tuple[int, int] = (4, 8)
    """... no fewer and no more placements than these."""
    prices: tuple[float, float] = (0.25, 64.0)
    """Of a byte in the first placement and in the last one, where 1 pays for what is lacking with
    as many bytes as the best found so far moves."""
    cost_prices: tuple[float, float] = (0.5, 4.0)
    """The same where what is sought is the least cost, and 1 is what a byte costs."""
    most_columns: int = 1_000
    """Of an integer program that is worth its time; ..."""
    node_columns: int = 20_000
    """... its nodes times its columns."""
    options_drawn: int = 6
    """Of an item and shape."""
    free_effort: float = 0.1
    """Of a whole solve's: for a good placement to begin at, where none is known."""


@dataclass(frozen=True, slots=True)
class RelocationParams:
    """How items are freed, round after round."""

    choice: OptionChoiceParams = field(
        default_factory=lambda: OptionChoiceParams(node_options=400_000_000)
    )
    """For the bound, which little else raises: its tree may take long."""
    repair_shares: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0)
    """Of what may move: how much of it is freed, try by try, until all items are placed."""
    fruitless_rounds: int = 6
    """In a row, after which a series of rounds ends; ..."""
    least_gain: float = 1e-4
    """... a round that gains less than that, relatively, is one."""
    series: int = 4
    """Of rounds, by a whole effort; ..."""
    round_effort: float = 0.25
    """... in the first series, the share of a whole solve's for one round that frees a part of the
    items; ..."""
    growth: float = 2.0
    """... and by how much more that is in each later one."""
    round_gap: float = 0.25
    """Of the gap that is asked for: what a round is asked for."""
    sharpness: int = 12
    """Exponent by which the slowest devices of a stage count more than the others."""
    least_worth: float = 0.2
    """By what share chance lowers the worth of an item, at most, in the first series; ..."""
    straying: float = 0.25
    """... and what becomes of that share from one series to the next."""
    least: LeastRelocationParams = field(default_factory=LeastRelocationParams)
    """Of the search for what moves least."""
    few_columns: int = 300
    """Of an integer program that comes first; ..."""
    most_columns: int = 2_000
    """... and of one that is worth its time in the end; ..."""
    node_columns: int = 2_000_000
    """... its nodes times its columns; ..."""
    program_tries: int = 10
    """... how often it is asked at most, where what it finds moves more than it counts; ..."""
    program_gap: float = 0.9
    """... and the share of the gap that it is asked for."""
    within_limit: LeastRelocationParams = field(
        default_factory=lambda: LeastRelocationParams(series=4, most_columns=0, prices=(0.01, 2.0))
    )
    """Of the search for the shortest step within a limit, before rounds; ..."""
    most_cells: int = 20_000_000
    """... options times devices from which on it is left out."""
    small_change: float = 0.01
    """Of what may move: items so small may also be copied to every device."""
