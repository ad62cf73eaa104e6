"""Processes that run one case after the other: starting them takes longer than most cases."""

from __future__ import annotations

import multiprocessing
import tempfile
import traceback
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SECONDS_PER_CASE = 120


class RankGroup:
    """A process group of gloo on this machine."""

    def __init__(self, size: int, timeout_seconds: float = 60.0) -> None:
        self.size = size
        self._folder = tempfile.TemporaryDirectory(prefix="ranks-")
        self._pipes: list[Any] = []
        self.processes: list[Any] = []
        forks = forks_with_torch()
        for rank in range(size):
            ours, theirs = forks.Pipe()
            rendezvous = str(Path(self._folder.name) / "rendezvous")
            arguments = (rank, size, rendezvous, timeout_seconds, theirs)
            process = forks.Process(target=serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self.processes.append(process)

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What the function returns on each rank; the first failure as an AssertionError."""
        return self.run_on(range(self.size), function, *arguments)

    def run_on(
        self, awaited: Iterable[int], function: Callable[..., Any], *arguments: Any
    ) -> list[Any]:
        """The same, of the awaited ranks alone; all ranks run the function."""
        self.start(function, *arguments)
        answers = [self._answer(rank) for rank in awaited]
        failures = [str(answer) for failed, answer in answers if failed]
        assert not failures, failures[0]
        return [answer for _, answer in answers]

    def start(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Let all ranks run the function, and wait for none."""
        for pipe in self._pipes:
            pipe.send((function, arguments))

    def _answer(self, rank: int) -> tuple[bool, Any]:
        assert self._pipes[rank].poll(SECONDS_PER_CASE), f"rank {rank} does not answer"
        failed, answer = self._pipes[rank].recv()
        return failed, answer

    def close(self) -> None:
        """End the processes, whatever they are at: what they have to say is said."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
        self._folder.cleanup()


def forks_with_torch() -> Any:
    """Processes forked from one that has imported PyTorch: each import takes seconds."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["torch", "torch.distributed.checkpoint", "torchrec", "numba"])
    return forks


def serve(rank: int, size: int, rendezvous: str, timeout_seconds: float, pipe: Any) -> None:
    """Run what comes through the pipe until its other end is gone."""
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=timeout_seconds),
    )
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            function, arguments = pipe.recv()
            try:
                pipe.send((False, function(*arguments)))
            except Exception:
                pipe.send((True, f"rank {rank}: {traceback.format_exc()}"))
