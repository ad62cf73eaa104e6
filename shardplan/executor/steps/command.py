"""``python -m shardplan.executor steps``: the process that a calibration of steps asks."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

from shardplan.errors import ShardplanError
from shardplan.executor.train.engine import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.executor.steps.round_times import Standing
    from shardplan.executor.steps.timed_tables import TimedTables
    from shardplan.plan.file.plan import Plan


@click.command("steps")
@click.option("--engine", type=click.Choice(ENGINES), required=True, help="What trains.")
@click.option("--rank", metavar="N", type=click.IntRange(0), required=True, help="This process.")
@click.option("--ranks", metavar="N", type=click.IntRange(1), required=True, help="All of them.")
@click.option(
    "--rendezvous", metavar="FILE", required=True, help="By which they meet; a file not yet there."
)
def steps(engine: str, rank: int, ranks: int, rendezvous: str) -> None:
    """Time steps under the plans that are asked for on stdin, together with the other ranks.

    Each line of stdin is JSON, and all ranks get the same lines. `plans` (paths of plan files) and
    `seed` (of the batches) shard these plans, which stand ready in place of those before; the
    answer, a line on stdout, is their number. `rounds` and `of` (positions among the plans) train
    them in turn; the answer is `seconds`, by round and plan those by the clock and on a core, each
    of the ids' way, the forward pass, the backward pass and the step. Or it is `error`.
    What `shardplan calibrate --engine` runs, on the CPU and with gloo.

    \b
    Exit codes: 0 stdin ended; 2 wrong usage.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # Whatever libraries print goes to stderr.
    answer = _answering(engine, rank, ranks, rendezvous)
    for line in sys.stdin:
        click.echo(json.dumps(answer(json.loads(line))), file=out)
    os._exit(0)  # Many sharded models torn down at once now and then abort a process.


def _answering(
    engine: str, rank: int, ranks: int, rendezvous: str
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Join the other ranks."""
    import torch
    import torch.distributed as dist

    from shardplan.executor.steps.timed_tables import tables_of_engine

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    os.environ |= {"LOCAL_WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank)}
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    return _Answers(tables_of_engine(engine)).answer


class _Answers:
    """To what is asked of one rank, which keeps plans standing from one line to the next."""

    def __init__(self, sharded: Callable[[Plan], TimedTables]) -> None:
        self._sharded = sharded
        self._standing: list[Standing] = []

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """By what the line has."""
        try:
            if "plans" in asked:
                return {"plans": self._stand(asked["plans"], asked["seed"])}
            return {"seconds": self._times(asked["of"], asked["rounds"])}
        except ShardplanError as error:
            return {"error": str(error)}

    def _stand(self, paths: list[str], seed: int) -> int:
        from shardplan.executor.steps.round_times import stand
        from shardplan.plan.file.read import read_plan

        self._standing = []
        gc.collect()  # What stood there has cycles, and much memory.
        self._standing = stand(self._sharded, [read_plan(path) for path in paths], seed)
        return len(self._standing)

    def _times(self, of: list[int], rounds: int) -> list[list[list[list[float]]]]:
        from shardplan.executor.steps.round_times import round_times

        return round_times([self._standing[position] for position in of], rounds)
