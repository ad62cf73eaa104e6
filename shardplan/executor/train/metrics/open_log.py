"""The log of metrics that a run was asked for."""

from __future__ import annotations

from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

from shardplan.executor.checkpoint.by_all import by_all
from shardplan.executor.train.metrics.json_lines import JsonLines
from shardplan.executor.train.metrics.metrics_log import MetricsLog
from shardplan.executor.train.metrics.tensor_board import TensorBoard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from shardplan.executor.train.job import Job
    from shardplan.executor.train.metrics.metrics_log import Sink
    from shardplan.executor.train.metrics.step_metrics import Seconds
    from shardplan.executor.train.request import TrainRequest


def open_log(
    request: TrainRequest,
    job: Job,
    facts: Mapping[str, Any],
    predicted: Seconds | None,
    first_step: int,
) -> AbstractContextManager[MetricsLog | None]:
    """A collective; None where none was asked for. ``first_step`` is the first to come, from 1.

    Raises ShardplanError on all ranks where rank 0 cannot write one.
    """
    if request.metrics is None and request.tensorboard is None:
        return nullcontext()
    sinks = by_all(job, lambda: _sinks(request, facts, first_step) if job.rank == 0 else [])
    return closing(MetricsLog(job, sinks, request.metrics_every, predicted))


def _sinks(request: TrainRequest, facts: Mapping[str, Any], first_step: int) -> list[Sink]:
    sinks: list[Sink] = []
    if request.tensorboard is not None:
        sinks.append(TensorBoard.in_folder(request.tensorboard, first_step))
    if request.metrics is not None:
        sinks.append(JsonLines(request.metrics, facts, goes_on=request.resume))
    return sinks
