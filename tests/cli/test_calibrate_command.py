"""``shardplan calibrate``, as far as it goes without measuring."""

import importlib.util

import pytest

from shardplan.cli.reports.calibration_progress import calibration_progress


@pytest.fixture
def without_torch(monkeypatch):
    """As if PyTorch were not installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name)
    )


def test_says_what_to_install(run, tmp_path, without_torch):
    result = run("calibrate", "-o", tmp_path / "ours.yaml")
    assert result.exit_code == 2
    assert "pip install 'shardplan[calibrate]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_output_must_be_a_file_that_a_spec_can_name(run, tmp_path):
    result = run("calibrate", "-o", tmp_path / "ours.yml")
    assert result.exit_code == 2
    assert "must end in .yaml" in result.stderr


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("90s", 90), ("2min", 120)])
def test_budgets_are_durations(text, seconds):
    from shardplan.cli.commands.measuring.calibrate import _budget

    assert _budget(text) == seconds


def test_a_budget_without_a_unit_is_wrong_usage(run, tmp_path):
    result = run("calibrate", "-o", tmp_path / "ours.yaml", "--budget", "5")
    assert result.exit_code == 2
    assert "for example 60s" in result.stderr


def test_progress_is_a_line_every_ten_seconds(capsys):
    from shardplan.calibrate.measure.session import Step

    with calibration_progress(quiet=False) as report:
        for elapsed in range(25):
            report(Step(elapsed, 100, float(elapsed), 60.0))
    assert capsys.readouterr().err.splitlines() == ["10s  10 of 100 tasks", "20s  20 of 100 tasks"]


def test_quiet_says_nothing(capsys):
    from shardplan.calibrate.measure.session import Step

    with calibration_progress(quiet=True) as report:
        report(Step(50, 100, 50.0, 60.0))
    assert capsys.readouterr().err == ""


def test_a_calibration_of_another_machine_is_not_gone_on_with(run, tmp_path):
    """Its measurements are left as they are."""
    pytest.importorskip("torch")
    known = "subject,seconds,bytes,ranks,origin\nall_to_all,0.01,1e6,2,another machine\n"
    (tmp_path / "ours.csv").write_text(known)
    result = run("calibrate", "-o", tmp_path / "ours.yaml", "--device", "cpu")
    assert result.exit_code == 2
    assert "ours.csv:2:1: error: " in result.stderr
    assert "measured with another machine" in result.stderr
    assert "hint: move the file away" in result.stderr
    assert (tmp_path / "ours.csv").read_text() == known


def test_ends_with_what_to_do_next():
    from shardplan.cli.commands.measuring.calibrate import _end

    found = {"measurements": 7, "mean_error": 0.05, "rank_correlation": 0.99}
    *_, written, command, key = _end({"copy": found}, "our cpu.yaml")
    assert written == "our cpu.yaml written"
    assert command == "next: shardplan check --cost-model 'our cpu.yaml' --against 'our cpu.csv'"
    assert "`cost_model: ./our cpu.yaml`" in key


def test_more_processes_than_cores_are_wrong_usage(run, tmp_path):
    result = run("calibrate", "-o", tmp_path / "ours.yaml", "--processes", "100000")
    assert result.exit_code == 2
    assert "100000 would share" in result.stderr
    assert list(tmp_path.iterdir()) == []
