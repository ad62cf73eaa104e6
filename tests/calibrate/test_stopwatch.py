"""Timing, on a device that only takes notes and on the CPU."""

import time

import pytest

pytest.importorskip("torch")

from shardplan.calibrate.measure.stopwatch import CpuStopwatch, CudaStopwatch


class FakeCuda:
    """In place of ``torch.cuda`` and of a tensor: what was asked for, in order.

    Work is done when the device is waited for, as on a GPU; so are the events before and after it.
    """

    def __init__(self):
        self.notes = []
        self.queue = []
        self.milliseconds = 0.0

    def Event(self, enable_timing):
        assert enable_timing
        return FakeEvent(self)

    def zero_(self):
        self.enqueue("flush", 5.0)

    def enqueue(self, note, milliseconds):
        self.queue.append((note, milliseconds, None))

    def synchronize(self):
        for note, milliseconds, event in self.queue:
            self.milliseconds += milliseconds
            self.notes.append(note)
            if event:
                event.at = self.milliseconds
        self.queue.clear()
        self.notes.append("wait")


class FakeEvent:
    at = None

    def __init__(self, cuda):
        self.cuda = cuda

    def record(self):
        self.cuda.queue.append(("event", 0.0, self))

    def elapsed_time(self, other):
        return other.at - self.at


def test_a_gpu_is_timed_between_events_after_a_flush_of_its_cache():
    """Neither the flush nor what was queued before counts, and milliseconds become seconds."""
    cuda = FakeCuda()
    watch = CudaStopwatch(cuda, flushed=cuda)
    cuda.enqueue("earlier work", 100.0)
    seconds = watch.work_seconds(lambda: cuda.enqueue("part", 2.0))
    assert seconds == pytest.approx(2e-3)
    assert cuda.notes == ["earlier work", "flush", "event", "part", "event", "wait"]


def test_a_collective_of_gpus_is_timed_in_the_same_way():
    cuda = FakeCuda()
    seconds = CudaStopwatch(cuda, flushed=cuda).shared_seconds(lambda: cuda.enqueue("part", 3.0))
    assert seconds == pytest.approx(3e-3)


def test_work_on_a_cpu_is_timed_on_the_core_and_what_is_shared_by_the_clock(monkeypatch):
    """While the core is given to others, only the clock goes on."""
    clocks = {"core": 0.0, "clock": 0.0}
    monkeypatch.setattr(time, "thread_time", lambda: clocks["core"])
    monkeypatch.setattr(time, "perf_counter", lambda: clocks["clock"])

    def part():
        clocks["core"] += 1.0
        clocks["clock"] += 4.0

    assert CpuStopwatch().work_seconds(part) == 1.0
    assert CpuStopwatch().shared_seconds(part) == 4.0
