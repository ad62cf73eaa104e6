"""What ends a job is not heard by the processes that it began for its measurements."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing import get_context

from shardplan.calibrate.measure.deaf import deaf_from_birth

WAIT = "input(); print('goes on')"


def test_a_process_that_was_begun_deaf_goes_on_whenever_it_is_told_to_end():
    with deaf_from_birth():
        process = subprocess.Popen(
            [sys.executable, "-c", WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)  # Most likely while Python loads.
    assert process.communicate("\n") == ("goes on\n", None)


def test_so_does_one_that_multiprocessing_begins():
    ours, theirs = get_context("spawn").Pipe()
    with deaf_from_birth():
        process = get_context("spawn").Process(target=theirs.send, args=("goes on",))
        process.start()
    os.kill(process.pid or 0, signal.SIGINT)
    assert ours.recv() == "goes on"
    process.join()
    assert process.exitcode == 0


def test_who_begins_them_hears_of_it():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("Ctrl-C"))
    try:
        with deaf_from_birth():
            os.kill(os.getpid(), signal.SIGINT)
            heard.append("begun")
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(heard) == ["Ctrl-C", "begun"]
