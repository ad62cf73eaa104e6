from pathlib import Path

import pytest
from click.testing import CliRunner

from shardplan.cli.main import cli

SPEC = Path(__file__).parents[1] / "data" / "explain" / "spec.yaml"


@pytest.fixture(scope="session")
def run():
    """Run a command line in this process; what comes back has stdout, stderr and exit_code."""

    def invoke(*arguments, stdin=None):
        return CliRunner().invoke(
            cli, [str(argument) for argument in arguments], input=stdin, prog_name="shardplan"
        )

    return invoke


@pytest.fixture(scope="session")
def spec_path():
    """A spec of eight tables on four devices."""
    return SPEC


@pytest.fixture(scope="session")
def plan_path(run, spec_path, tmp_path_factory):
    """A quick plan of that spec."""
    path = tmp_path_factory.mktemp("plans") / "plan.json"
    result = run("solve", spec_path, "-o", path, "--method", "greedy")
    assert result.exit_code == 0, result.stderr
    return path


@pytest.fixture
def write(tmp_path):
    """Write a text to a file of a temporary folder."""

    def write_text(text, name="spec.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text
