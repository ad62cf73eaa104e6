"""Tuning on simulated jobs with a known answer: a slow link, a slow kernel, costly sharding types.

    python benchmarks/planted.py --seeds 20

A job's seconds are arithmetic of its own, with noise and drift, and the best of all plans is known
by trying them. Everything is over that best plan, by the simulator without noise.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from planted_tuning import tune_planted

HEADER = ("seed", "before tuning", "best of round 1", "tuned", "rounds", "runs", "plans", "MAPE")


@click.command()
@click.option("--seeds", metavar="N", default=20, show_default=True, help="How many jobs.")
@click.option("--first", metavar="SEED", default=0, show_default=True, help="Of the first job.")
@click.option("--steps-alone", is_flag=True, help="The job times steps, no phases.")
def main(seeds: int, first: int, steps_alone: bool) -> None:
    """Print a line for each job, as Markdown, and how often the best plan was found within 1%."""
    click.echo("| " + " | ".join(HEADER) + " |")
    click.echo("| ---: " * len(HEADER) + "|")
    found = []
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as folder:
            each = tune_planted(seed, Path(folder), tells_phases=not steps_alone)
        found.append(each)
        tuned = each.tuned
        after = tuned.corrected.mean_error if tuned.corrected else float("nan")
        cells = (
            f"{seed}",
            f"{each.ratio_before:.3f}",
            f"{each.ratio_of_others:.3f}",
            f"{each.ratio:.3f}",
            f"{tuned.rounds}",
            f"{tuned.runs}",
            f"{len(tuned.plans)}",
            f"{tuned.calibrated.mean_error:.0%} to {after:.1%}",
        )
        click.echo("| " + " | ".join(cells) + " |")
    within = sum(each.ratio <= 1 + each.tuned.margin for each in found)
    click.echo(f"\nwithin 1% of the best plan: {within} of {len(found)}")


if __name__ == "__main__":
    main()
