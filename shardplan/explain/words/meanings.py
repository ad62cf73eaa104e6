"""What the words of a plan mean, in one line each."""

from __future__ import annotations

PHASES = {
    "ids_comm": "all-to-all of the ids and lengths to the devices that hold the rows",
    "lookup_forward": "rows are looked up and pooled",
    "output_comm": "pooled outputs travel to the devices of their samples",
    "gradient_comm": "gradients of the outputs travel back",
    "update_backward": "gradients are summed by row, the optimizer updates the rows",
    "all_reduce": "gradients of data-parallel tables are summed over all devices",
    "prefetch": "rows of the batch are brought into the caches in HBM",
}
"""By the names that the cost models give their phases."""

DENSE = "the rest of the model, forward and backward: a constant of the spec"

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
