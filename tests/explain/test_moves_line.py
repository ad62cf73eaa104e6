"""What is said of the plan that begins with an old one."""

from shardplan.explain.words.moves_line import moves_line
from shardplan.plan.file.provenance import BestInfo, MovesInfo

OLD = "0" * 64


def test_of_a_budget_it_says_what_the_bound_is_of():
    moves = MovesInfo(from_sha256=OLD, moved_bytes=2**30, budget_bytes=2**31)
    assert moves_line(moves, 1.0, 0.01) == (
        "moves 1.0 GiB from the old plan; the bound is of plans that move at most 2.0 GiB"
    )


def test_of_the_best_plan_it_says_what_it_moves():
    moves = MovesInfo(from_sha256=OLD, moved_bytes=2**30)
    assert moves_line(moves, 1.0, 0.01) == "moves 1.0 GiB from the old plan"


def test_of_a_plan_in_its_stead_it_says_when_more_does_not_pay():
    best = BestInfo(moved_bytes=2**35, objective_seconds=1.0)
    moves = MovesInfo(
        from_sha256=OLD, moved_bytes=0, paid_over_steps=2e3, seconds_per_byte=1e-9, best=best
    )
    assert moves_line(moves, 1.02, 0.01) == (
        "moves 0 B from the old plan; moving 32.0 GiB would gain 2.00%, "
        "which does not pay for the move in 2,000 steps"
    )


def test_of_a_plan_in_its_stead_it_says_why_no_more_moves():
    best = BestInfo(moved_bytes=2**35, objective_seconds=1.0)
    moves = MovesInfo(from_sha256=OLD, moved_bytes=0, best=best)
    assert moves_line(moves, 1.002, 0.01) == (
        "moves 0 B from the old plan; moving 32.0 GiB would gain 0.20%, "
        "less than the gap of 1.00% asked for"
    )


def test_of_a_plan_that_is_no_worse_it_does_not_say_that_more_would_gain():
    best = BestInfo(moved_bytes=2**35, objective_seconds=1.0)
    moves = MovesInfo(from_sha256=OLD, moved_bytes=0, best=best)
    assert moves_line(moves, 0.9999, 0.01) == "moves 0 B from the old plan"
