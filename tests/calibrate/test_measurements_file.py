"""Measurements as CSV."""

import pytest
from synthetic import FakeCrew, shipped_profile

from shardplan.calibrate.measure.grid import GPU, digest, tasks
from shardplan.calibrate.measure.session import run_tasks
from shardplan.calibrate.measurements.measurements_file import (
    as_csv,
    read_measurements,
    resume_measurements,
)
from shardplan.errors import InputError

HEADER = "subject,seconds,tier,batch,tables,ranks,bytes,largest_bytes\n"


@pytest.fixture
def faults(tmp_path):
    """(line, message) of each fault of a file with these lines below the header."""

    def found(text, header=HEADER):
        path = tmp_path / "bad.csv"
        path.write_text(header + text)
        with pytest.raises(InputError) as caught:
            read_measurements(str(path))
        return [(each.line, f"{each.path}: {each.message}") for each in caught.value.diagnostics]

    return found


def test_what_is_written_reads_back_the_same(tmp_path):
    """Every task of a calibration, with seconds to the last digit."""
    measured = run_tasks(tasks(4), FakeCrew(shipped_profile("cpu", tmp_path)), 1e9)
    path = tmp_path / "measured.csv"
    path.write_text(as_csv(measured[:7]))
    with path.open("a") as file:
        file.write(as_csv(measured[7:], with_header=False))
    assert read_measurements(str(path)) == measured


def test_a_fault_names_its_line(faults):
    """Three faulty lines below the header, among right ones."""
    found = faults(
        "all_to_all,0.01,,,,4,1e6,\n"
        "all_too_all,0.01,,,,4,1e6,\n"
        "all_to_all,-1,,,,4,1e6,\n"
        'lookup_forward,0.01,hbm,,"[{""rows"":10,""dim"":64}]",,,\n'
        'lookup_forward,0.01,hbm,8,"[{""rows"":10,""dim"":0}]",,,\n'
    )
    assert [line for line, _ in found] == [3, 4, 5, 6]
    assert "unknown subject 'all_too_all'" in found[0][1]
    assert "needs tables and batch" in found[2][1] or "batch" in found[2][1]
    assert "dim" in found[3][1]


def test_a_row_of_more_or_fewer_cells_is_refused(faults):
    """A cell too many was ignored once, and those behind one that was lost slid to the left."""
    good = "all_to_all,0.01,,,,4,1e6,"
    found = faults(f"{good},7\n{good}\nall_to_all,0.01,4,1e6\n")
    assert found == [(2, ": has 9 cells under 8 columns"), (4, ": has 4 cells under 8 columns")]


def test_a_wrong_header_is_refused(faults):
    """A column that is misspelt, and with it one that is missing."""
    found = faults("", header="subject,second,bytes\n")
    assert (1, ": unknown column 'second'") in found
    assert (1, ": the column 'seconds' is missing") in found


def test_quotes_that_do_not_close_are_refused(faults):
    assert "not valid CSV" in faults('all_to_all,"0.01\n')[0][1]


def test_measurements_of_another_origin_are_refused(tmp_path):
    """At the first of them, with what to do."""
    measured = run_tasks(tasks(4)[:3], FakeCrew(shipped_profile("cpu", tmp_path)), 1e9)
    path = tmp_path / "measured.csv"
    path.write_text(as_csv(measured[:2], origin="here") + as_csv(measured[2:], False, "elsewhere"))
    assert len(read_measurements(str(path))) == len(measured)
    with pytest.raises(InputError) as caught:
        read_measurements(str(path), "here")
    (found,) = caught.value.diagnostics
    assert (found.line, found.message) == (
        4,
        "measured with elsewhere; this calibration is one with here",
    )
    assert "move the file away" in found.hint


def test_measurements_of_one_origin_are_gone_on_with(tmp_path):
    measured = run_tasks(tasks(4)[:3], FakeCrew(shipped_profile("cpu", tmp_path)), 1e9)
    path = tmp_path / "measured.csv"
    path.write_text(as_csv(measured, origin="here"))
    assert read_measurements(str(path), "here") == measured


def test_a_grid_is_named_by_what_is_in_it():
    assert digest(tasks(2)) == digest(tasks(2))
    assert len({digest(tasks(2)), digest(tasks(4)), digest(tasks(2, GPU))}) == 3


def test_a_line_written_by_half_is_cut_off_and_measured_again(tmp_path):
    """Wherever the job was killed, what was measured before is kept."""
    measured = run_tasks(tasks(4)[:3], FakeCrew(shipped_profile("cpu", tmp_path)), 1e9)
    path = tmp_path / "measured.csv"
    whole = as_csv(measured, origin="here").encode()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        found, had_half = resume_measurements(path, "here")
        lines = sum(end < length for end in ends)
        assert found == measured[: max(0, lines - 1)]
        assert had_half == (length > 0 and length - 1 not in ends)
        assert path.read_bytes() == whole[: ends[lines - 1] + 1 if lines else 0]


def test_a_half_line_of_another_origin_is_left_as_it_is(tmp_path):
    measured = run_tasks(tasks(4)[:3], FakeCrew(shipped_profile("cpu", tmp_path)), 1e9)
    path = tmp_path / "measured.csv"
    text = as_csv(measured, origin="elsewhere")[:-3]
    path.write_text(text)
    with pytest.raises(InputError, match="measured with elsewhere"):
        resume_measurements(path, "here")
    assert path.read_text() == text
