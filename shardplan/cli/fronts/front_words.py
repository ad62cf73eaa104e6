"""Numbers and candidates of a front in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.words import words
from shardplan.size.answer.open import OpenReason
from shardplan.size.answer.target import TargetKind
from shardplan.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.impossible import Proof
    from shardplan.size.answer.point import Point
    from shardplan.size.answer.target import Target

REASONS = {
    OpenReason.WITHIN_GAP: "behind the front but within its gap",
    OpenReason.NOT_REACHED: "short of the target by their plans, not by their bounds",
    OpenReason.NO_PLAN: "without plan or proof",
    OpenReason.GAP_LEFT: "solved, with a wider gap left",
    OpenReason.TIME_LIMIT: "open when the time was over",
    OpenReason.INTERRUPTED: "open when interrupted",
}
MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""What points are called in the table and in the plot, the first ones."""
_NOT_MARKED = "*"
TIME_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
_LARGE = 1000.0
"""From here on, numbers are whole and have commas."""
_MANY_TIMES = 9.0
"""As a fraction, from where on a factor says more."""
_TAKES = {"step": "a step takes", "time": "training takes", "cost": "training costs"}
"""By what a target is of."""
_MOST_TERMS = 2
"""Of a proof, those that are named."""


def duration(seconds: float) -> str:
    """``3.4 min``, ``5.2 h``, ``12 d``; what is shorter than two minutes in seconds."""
    for scale, unit in TIME_UNITS:
        if seconds >= 2 * scale:
            return f"{number(seconds / scale)} {unit}"
    return format_seconds(seconds)


def number(value: float) -> str:
    """Three digits: ``0.65``, ``8.3``, ``12,300``."""
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"


def count(value: float) -> str:
    """A round number of very many: ``1e9``, ``3.33e9``; of fewer ``65,536``."""
    if value < 1e6:
        return f"{value:,.10g}"
    mantissa, _, power = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}"


def rate(samples_per_second: float) -> str:
    """``29.3 M``."""
    return words.rate(samples_per_second).removesuffix(" samples/s")


def mark_of(position: int) -> str:
    """What the point at a position of the front is called."""
    return MARKS[position] if position < len(MARKS) else _NOT_MARKED


def milliseconds(seconds: float) -> str:
    """Three digits or more, so that the point stands below the point."""
    value = 1e3 * seconds
    decimals = next((n for n, least in ((0, 100.0), (1, 10.0), (2, 1.0)) if value >= least), 3)
    return f"{value:,.{decimals}f}"


def cost_noun(front: Front) -> str:
    """``USD per 1e9 samples``; ``USD`` where each batch needs its own number of them."""
    per = f" per {count(front.samples)} samples" if front.samples else ""
    return front.cost_unit + per


def time_noun(front: Front) -> str:
    """``time of 1e9 samples``; ``time to train`` where each batch needs its own number."""
    return f"time of {count(front.samples)} samples" if front.samples else "time to train"


def target_words(target: Target) -> str:
    """``at least 20 M samples/s``."""
    if target.kind is TargetKind.THROUGHPUT:
        return f"at least {words.rate(target.value)}"
    if target.kind is TargetKind.STEP:
        return f"a step of at most {format_seconds(target.value)}"
    return f"trained within {duration(target.value)}"


def gap_words(point: Point) -> str:
    """How far the step may be above the best plan's."""
    return words.gap(point.gap)


def binds_words(point: Point) -> str:
    """``output_comm at nic, 45.0% of the step``."""
    binds = point.anatomy.binds
    return f"{binds.words}, {words.percent(binds.share)} of the step"


def phases_words(point: Point, most: int | None = None) -> str:
    """``dense_backward 1.2 ms, output_comm 310 us``: those that the step waits for, or the longest
    ``most`` of them."""
    waited = [phase for phase in point.anatomy.phases if not phase.is_hidden]
    longest = sorted(waited, key=lambda phase: -phase.seconds)[:most]
    return ", ".join(f"{each.name} {format_seconds(each.seconds)}" for each in longest) or "-"


def memory_words(point: Point) -> str:
    """``hbm 61%, ddr 3%``: of each tier in use, how full the fullest device or node is."""
    shares = point.anatomy.memory_shares.items()
    return ", ".join(f"{tier} {share:.0%}" for tier, share in shares if share) or "-"


def excess_words(fraction: float) -> str:
    """``+12.3%``; ``x27`` of what is very much more."""
    return f"x{1 + fraction:,.0f}" if fraction > _MANY_TIMES else f"{fraction:+.1%}"


def figures_words(point: Point) -> str:
    """``12 measured, 3 datasheet, 2 estimated``; ``-`` where the cost model tells nothing."""
    known = point.anatomy.figures
    counts = (
        (known.measured, "measured"),
        (known.published, "published"),
        (known.datasheet, "datasheet"),
        (known.estimated, "estimated"),
    )
    return ", ".join(f"{many} {how}" for many, how in counts if many) or "-"


def proof_words(proof: Proof) -> str:
    """``a step takes at least 4.19 ms, of which dense 2.5 ms (needs 3.28 ms)``."""
    facts = "; ".join(proof.facts)
    if facts and proof.least == 1 and not proof.allowed:
        return facts
    least, allowed = _amount(proof, proof.least), _amount(proof, proof.allowed)
    terms = sorted(proof.terms.items(), key=lambda term: -term[1])[:_MOST_TERMS]
    named = [f"{name} {_amount(proof, value)}" for name, value in terms if value]
    of_which = f", of which {', '.join(named)}" if len(proof.terms) > 1 and named else ""
    if proof.quantity in _TAKES:
        said = f"{_TAKES[proof.quantity]} at least {least}{of_which} (needs {allowed})"
    else:
        said = f"at least {least} of {proof.quantity}{of_which} (there is {allowed})"
    return f"{said}: {facts}" if facts else said


def _amount(proof: Proof, value: float) -> str:
    if proof.unit == "bytes":
        return format_bytes(value)
    if proof.unit == "seconds":
        return format_seconds(value) if proof.quantity == "step" else duration(value)
    return number(value)
