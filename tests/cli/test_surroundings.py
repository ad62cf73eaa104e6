"""What the surroundings do is told in words, before the search, and is never called a bug."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

import shardplan
from shardplan.cli.main import cli
from shardplan.errors import InputError
from shardplan.surroundings import creation_time, outside_cause

PROJECT = os.path.dirname(os.path.dirname(shardplan.__file__))


def words_in(text):
    return set(re.findall(r"\w+", text))


@pytest.fixture
def shell(tmp_path, spec_path, plan_path):
    """Run a line of a shell in which SP, SPEC and PLAN stand for what they say."""

    def run_line(line):
        environment = os.environ | {
            "SP": f"{sys.executable} -m shardplan",
            "SPEC": str(spec_path),
            "PLAN": str(plan_path),
            "PYTHONPATH": PROJECT,
        }
        done = subprocess.run(
            ["sh", "-c", line],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=120,
            check=False,
        )
        assert "bug in shardplan" not in done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run_line


@pytest.mark.parametrize("epoch", ["abc", "99999999999999999", "-1", "1_000", "253402300800", "٣"])
def test_a_date_of_nonsense_is_told_before_the_search(epoch, run, spec_path, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    monkeypatch.setattr("shardplan.planning.planner.solve", lambda *_: pytest.fail("it searched"))
    result = run("solve", spec_path, "-q", "-o", tmp_path / "x.json")
    assert result.exit_code == 2
    assert "SOURCE_DATE_EPOCH: error: " in result.stderr
    with pytest.raises(InputError):
        creation_time()


@pytest.mark.parametrize(("epoch", "year"), [("0", 1970), ("253402300799", 9999), ("", None)])
def test_a_date_is_taken_as_it_is_given(epoch, year, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert year in (None, creation_time().year)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("$SP explain $PLAN >&-", "<stdout>: error: cannot write: it is closed"),
        ("$SP solve none.yaml >&-", "<stdout>: error: cannot write: it is closed"),
        (
            "cp $SPEC x.yaml; $SP solve $SPEC x.yaml -o d >&-",
            "<stdout>: error: cannot write: it is closed",
        ),
        ("$SP explain $PLAN --why-not item_id@rank0 >&-", "<stdout>: error: cannot write: it is"),
        ("$SP validate >&-", "<stdout>: error: cannot write: it is closed"),
        ("$SP tune $SPEC -o d --run 'cp {plan} {measured}' >&-", "<stdout>: error: cannot write"),
        ("$SP --version >&-", "<stdout>: error: cannot write: it is closed"),
        ("$SP solve $SPEC >/dev/full", "<stdout>: error: cannot write: No space left on device"),
        ("$SP solve $SPEC 1</dev/null", "<stdout>: error: cannot write: it is open for reading"),
        (
            "cp $SPEC x.yaml; $SP solve $SPEC x.yaml -o d >/dev/full",
            "<stdout>: error: cannot write",
        ),
        ("$SP explain $PLAN --why-not item_id@rank0 >/dev/full", "<stdout>: error: cannot write"),
        ("$SP validate >/dev/full", "<stdout>: error: cannot write"),
        ("$SP tune $SPEC -o d --run 'cp {plan} {measured}' >/dev/full", "<stdout>: error: cannot"),
        ("$SP solve - -q -o x.json <&-", "<stdin>: error: cannot be read: it is closed"),
        ("$SP explain - <&-", "<stdin>: error: cannot read the file: it is closed"),
        ("$SP explain $PLAN --measured - <&-", "<stdin>: error: cannot be read: it is closed"),
        ("$SP explain /dev/zero", "/dev/zero: error: is not text: it begins with a zero byte"),
        ("$SP check /dev/zero", "/dev/zero: error: is not text: it begins with a zero byte"),
        ("$SP explain $PLAN --measured /dev/zero", "/dev/zero: error: is not text: it begins"),
        ("yes ' ' | $SP explain -", "<stdin>: error: is not a plan: it begins with 1 MiB of blank"),
        ("yes 'a: b' | $SP check -", "<stdin>: error: is larger than 64 MiB"),
        ("$SP solve $SPEC -o /proc/x.json", "/proc/x.json: error: cannot write"),
        ("mkdir d; cd d; rmdir ../d; $SP solve $SPEC -o x", "x: error: cannot write: No such"),
    ],
)
def test_what_is_closed_full_or_endless_is_wrong_input(line, words, shell):
    done = shell(line)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not {"step_time", "written", "measured", "round"} & words_in(done.stderr), "it searched"


@pytest.mark.parametrize(
    "line",
    [
        "$SP explain $PLAN 2>&-",
        "$SP check $SPEC 2>/dev/full",
        "$SP verify $PLAN >report <&- 2>&-",
        "env -u HOME -u TERM TMPDIR=/nowhere $SP explain $PLAN",
        "mkdir d; cd d; rmdir ../d; $SP explain $PLAN",
        "cp $PLAN plän.json; LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $SP explain plän.json",
    ],
)
def test_what_a_command_does_not_need_may_be_missing(line, shell):
    assert shell(line).returncode == 0


def test_a_file_never_takes_the_number_of_a_closed_stream(shell, tmp_path):
    """A library that prints would write into it."""
    assert shell("$SP solve $SPEC --method greedy -q -o x.json <&- >&- 2>&-").returncode == 0
    assert shell("$SP verify x.json").returncode == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (ImportError("x.so: failed to map segment from shared object"), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
        (OSError(errno.EMFILE, "Too many open files", "x.so"), "x.so: Too many open files"),
    ],
)
def test_what_the_machine_lacks_is_no_bug(error, words, run, plan_path, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr("shardplan.cli.commands.explain.any_plan_at", fail)
    result = CliRunner().invoke(cli, ["explain", str(plan_path)])
    assert result.exit_code == 2
    assert words in result.stderr
    assert "bug" not in result.stderr


def test_a_bug_stays_one():
    assert outside_cause(RuntimeError("a bug")) is None
    assert outside_cause(ImportError("cannot import name")) is None


def test_whoever_stops_reading_errors_changes_nothing_of_the_exit_code(tmp_path):
    spec = tmp_path / "bad.yaml"
    spec.write_text("nme: a\n")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run([sys.executable, "-m", "shardplan", "check", spec], stderr=nobody)
    assert done.returncode == 2
