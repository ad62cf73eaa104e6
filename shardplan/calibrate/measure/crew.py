"""The processes of a calibration."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Self

from shardplan.calibrate.measure.deaf import deaf_from_birth
from shardplan.errors import ShardplanError
from shardplan.scratch_folder import ScratchFolder

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType

    from shardplan.calibrate.measure.task import Task


class Crew:
    """Processes on this machine that measure together; a context manager that ends them."""

    def __init__(self, ranks: int, on_gpu: bool) -> None:
        self._ranks = ranks
        self._on_gpu = on_gpu
        self._pipes: list[Connection] = []
        self._folder = ScratchFolder()
        self._processes: list[multiprocessing.context.SpawnProcess] = []

    def __enter__(self) -> Self:
        """Start them."""
        from shardplan.calibrate.measure.worker import serve

        spawn = multiprocessing.get_context("spawn")
        rendezvous = str(self._folder.path / "rendezvous")
        for rank in range(self._ranks):
            ours, theirs = spawn.Pipe()
            arguments = (rank, self._ranks, rendezvous, self._on_gpu, theirs)
            process = spawn.Process(target=serve, args=arguments, daemon=True)
            with deaf_from_birth():
                process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        return self

    def measure(self, task: Task) -> tuple[float, ...]:
        """Seconds of each probe of a task; raises ShardplanError where a process fails."""
        try:
            for pipe in self._pipes:
                pipe.send(task)
            answers: list[tuple[float, ...]] = [pipe.recv() for pipe in self._pipes]
        except (EOFError, OSError):
            raise ShardplanError("a measuring process ended; its own message is above") from None
        return answers[0]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them: by asking, where nothing went wrong."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            if kind is None:
                pipe.send(None)
                process.join()
            else:
                process.kill()
            pipe.close()
        for process in self._processes:
            process.join()
        self._folder.remove()
