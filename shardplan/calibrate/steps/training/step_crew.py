"""The processes that train small plans with an engine of the executor."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from shardplan.calibrate.measure.deaf import deaf_from_birth
from shardplan.errors import ShardplanError
from shardplan.plan.file.write import write
from shardplan.scratch_folder import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from shardplan.plan.file.plan import Plan

KEEP_PAGES = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**36)}
"""Large buffers stay with a process from step to step, as with the allocators that training jobs
are run with. Else the time in which the system zeroes pages is measured."""
WARM_UP = 2
"""Rounds that plans are trained before they are timed."""
_WAIT_SECONDS = 10.0


class StepCrew:
    """``ranks`` processes of ``python -m shardplan.executor steps``; a context manager.

    They are deaf, and in a session of their own, so that who interrupts this process does not end
    them in the middle of an answer.
    """

    def __init__(self, engine: str, ranks: int) -> None:
        self._engine, self._ranks = engine, ranks
        self._folder = ScratchFolder()
        self.processes: list[subprocess.Popen[str]] = []
        """In the order of ranks."""

    def __enter__(self) -> Self:
        """Start them; they get ready while this process goes on."""
        words = [sys.executable, "-m", "shardplan.executor", "steps", "--engine", self._engine]
        words += ["--ranks", str(self._ranks), "--rendezvous", f"{self._folder.path}/rendezvous"]
        for rank in range(self._ranks):
            with deaf_from_birth():
                process = subprocess.Popen(
                    [*words, "--rank", str(rank)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=None if rank == 0 else subprocess.DEVNULL,
                    env=os.environ | KEEP_PAGES,
                    text=True,
                    start_new_session=True,
                )
            self.processes.append(process)
        return self

    def train(self, plans: Sequence[Plan], rounds: int, seed: int = 0) -> Any:
        """(rounds, plans, 2, 4): seconds by the clock and on a core, of three parts and the step.

        Raises ShardplanError where a process ends or refuses a plan.
        """
        self.stand(plans, seed)
        return self.times(range(len(plans)), WARM_UP + rounds)[WARM_UP:]

    def stand(self, plans: Sequence[Plan], seed: int = 0) -> None:
        """Shard plans, which stand side by side until others do. Raises as ``train`` does."""
        paths = []
        for number, plan in enumerate(plans):
            paths.append(str(self._folder.path / f"plan-{number}.json"))
            write(plan, paths[-1])
        self._answer({"plans": paths, "seed": seed})

    def times(self, of: Sequence[int], rounds: int) -> Any:
        """As ``train`` tells them, of those at these positions among the plans that stand."""
        return self._answer({"of": list(of), "rounds": rounds})["seconds"]

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the first rank says; all are asked, and wait for each other."""
        for process in self.processes:
            self._ask(process, asked)
        answer: dict[str, Any] = json.loads(self._lines()[0])
        if "error" in answer:
            raise ShardplanError(f"{self._engine} refused a plan: {answer['error']}")
        return answer

    def _ask(self, process: subprocess.Popen[str], asked: dict[str, Any]) -> None:
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # Told by the line that does not come.
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()

    def _lines(self) -> list[str]:
        """What each answers; where one has ended, the others would wait for it for long."""
        lines: dict[int, str] = {}
        with selectors.DefaultSelector() as answers:
            for rank, process in enumerate(self.processes):
                assert process.stdout is not None
                answers.register(process.stdout, selectors.EVENT_READ, rank)
            while len(lines) < len(self.processes):
                for key, _ in answers.select():
                    lines[key.data] = key.fileobj.readline()  # type: ignore[union-attr]
                    answers.unregister(key.fileobj)
                    if not lines[key.data]:
                        message = "a training process ended; its own message is above"
                        raise ShardplanError(message)
        return [lines[rank] for rank in sorted(lines)]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them: by the end of their input, where nothing went wrong."""
        has_failed = kind is not None or any(p.poll() is not None for p in self.processes)
        for process in self.processes:
            if has_failed:
                process.kill()
            _close(process)
        self._folder.remove()


def _close(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):  # What it was asked last may not have been read.
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_WAIT_SECONDS)
    process.kill()
    process.wait()
    process.stdout.close()
