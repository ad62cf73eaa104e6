"""Processes that stay, so that many cases run in one process group."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PATIENCE_SECONDS = 180


class Crew:
    """Ranks joined by gloo; ``run`` calls a function of ``torchrec_jobs``, or another module's, on
    all of them.

    By its name, so that the tests' own process imports neither torch nor torchrec.
    """

    def __init__(self, ranks: int, local_ranks: int) -> None:
        self.ranks = ranks
        self._folder = tempfile.TemporaryDirectory(prefix="shardplan-")
        self._pipes: list[Connection] = []
        self._processes: list[multiprocessing.context.ForkServerProcess] = []
        # Forked from a process that has imported TorchRec: each import takes seconds.
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(["torch", "torch.distributed.checkpoint", "torchrec"])
        store = str(Path(self._folder.name) / "store")
        for rank in range(ranks):
            ours, theirs = forks.Pipe()
            arguments = (rank, ranks, local_ranks, store, theirs)
            process = forks.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def run(self, job: str, *arguments: Any, **options: Any) -> list[Any]:
        """What each rank returns; raises AssertionError with the traces of those that fail."""
        for pipe in self._pipes:
            pipe.send((job, arguments, options))
        answers = []
        for rank, pipe in enumerate(self._pipes):
            assert pipe.poll(_PATIENCE_SECONDS), f"rank {rank} hangs"
            answers.append(pipe.recv())
        failed = [f"rank {rank}: {trace}" for rank, (trace, _) in enumerate(answers) if trace]
        assert not failed, "\n".join(failed)
        return [answer for _, answer in answers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        self._folder.cleanup()


def _serve(rank: int, ranks: int, local_ranks: int, store: str, pipe: Connection) -> None:
    import torch
    import torch.distributed as dist

    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    os.environ |= {"LOCAL_WORLD_SIZE": str(local_ranks), "LOCAL_RANK": str(rank % local_ranks)}
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    while True:
        job, arguments, options = pipe.recv()
        try:
            module, _, name = job.rpartition(".")
            do = getattr(importlib.import_module(module or "torchrec_jobs"), name)
            pipe.send(("", do(*arguments, **options)))
        except Exception:
            pipe.send((traceback.format_exc(), None))
