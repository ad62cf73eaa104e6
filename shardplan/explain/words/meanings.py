"""What the words of a plan mean, in one line each."""

from __future__ import annotations

STATUSES = {
    "optimal": "proven: no plan is better",
    "within_gap": "proven to be as close to the best plan as was asked for",
    "feasible": "it fits and is legal; the best plan may be better by the gap",
}
"""By the plan file's ``optimality.status``."""

TERMINATIONS = {
    "gap": "the gap that was asked for was reached",
    "time_limit": "the time limit struck",
    "node_limit": "the effort allowed was spent",
    "patience": "neither plan nor bound improved any more",
    "interrupted": "it was interrupted",
    "finished": "the method ran to its end",
}
"""By the plan file's ``optimality.termination``."""

OBJECTIVES = {
    "step_time": "the sum over phases of the slowest device, the plan's objective",
    "balance": "the largest sum over phases of any one device, the plan's objective",
}
"""By the spec's ``objective``."""

NONE_BETTER = {
    "step_time": "no plan can be faster",
    "balance": "no plan can have a smaller balance",
}
"""By the spec's ``objective``: what a lower bound says."""
