import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from shardplan import __version__
from shardplan.cli import commands
from shardplan.cli.main import cli
from shardplan.cli.registry import SHORT_HELP

HEAVY = ("numpy", "networkx", "pulp", "pydantic", "highspy", "rich", "yaml")

_IMPORTS = f"""
import sys
from shardplan.cli.main import main
try:
    main()
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


def _imported_by(arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    return done.stdout, done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([name, "--help"] for name in SHORT_HELP), ["init", "--list"]],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments):
    output, imported = _imported_by(arguments)
    assert imported == "[]"
    assert output


def test_completion_imports_nothing_heavy_and_knows_the_commands():
    environment = {
        "_SHARDPLAN_COMPLETE": "bash_complete",
        "COMP_WORDS": "shardplan ",
        "COMP_CWORD": "1",
    }
    output, imported = _imported_by([], **environment)
    assert imported == "[]"
    assert [line.split(",")[1] for line in output.split()] == list(SHORT_HELP)


def test_completion_of_options_imports_nothing_heavy():
    environment = {
        "_SHARDPLAN_COMPLETE": "bash_complete",
        "COMP_WORDS": "shardplan solve --me",
        "COMP_CWORD": "2",
    }
    output, imported = _imported_by([], **environment)
    assert imported == "[]"
    assert output.strip() == "plain,--method"


@pytest.mark.parametrize("name", SHORT_HELP)
def test_the_short_help_is_the_first_sentence_of_the_commands_own(name):
    command = cli.get_command(None, name)
    assert command.get_short_help_str(limit=100).rstrip(".") == SHORT_HELP[name].rstrip(".")
    assert command.name == name


@pytest.mark.parametrize("name", SHORT_HELP)
def test_each_help_has_two_examples(run, name):
    output = run(name, "--help").stdout
    examples = output.split("Examples:\n")[1].split("\n\n")[0].splitlines()
    assert len(examples) == 2
    assert all("shardplan" in example for example in examples)


def test_each_file_of_the_folder_is_a_command_that_is_registered():
    files = {file.stem for file in Path(commands.__file__).parent.rglob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in SHORT_HELP}


def test_a_command_is_its_module_and_a_line_of_the_registry(run, monkeypatch):
    @click.command("say-no")
    def say_no_command():
        """Say no."""
        raise RuntimeError("no")

    module = ModuleType("shardplan.cli.commands.say_no")
    module.say_no_command = say_no_command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(SHORT_HELP, "say-no", "Say no.")
    assert "say-no      Say no." in run("--help").stdout
    assert "did you mean 'say-no'?" in run("sayno").stderr
    result = run("say-no")
    assert (result.exit_code, "internal error: RuntimeError: no" in result.stderr) == (70, True)


def test_the_version_is_the_packages(run):
    assert run("--version").stdout == f"shardplan, version {__version__}\n"


def test_an_unknown_command_is_wrong_usage(run):
    result = run("sovle")
    assert result.exit_code == 2
    assert "No such command 'sovle'; did you mean 'solve'?" in result.stderr


def test_a_command_like_no_other_is_wrong_usage_without_a_guess(run):
    result = run("xyzzy")
    assert result.exit_code == 2
    assert "No such command 'xyzzy'" in result.stderr
    assert "did you mean" not in result.stderr


@pytest.mark.parametrize("option", ["-v", "--verbose"])
def test_verbose_after_the_command_is_told_where_to_go(run, option):
    result = run("explain", "plan.json", option)
    assert result.exit_code == 2
    assert f"{option} goes before the command" in result.stderr


def test_defaults_are_shown_without_a_second_pair_of_parentheses(run):
    output = run("solve", "--help").stdout
    assert "[default: 1%]" in output
    assert "[default: 60s]" in output


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["solve", "--help"]])
def test_help_on_a_full_disk_says_so_without_a_traceback(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "shardplan", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "<stdout>: error: cannot write: No space left on device\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_completion_script_calls_the_program_back(run, shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_SHARDPLAN_COMPLETE={shell}_complete" in result.stdout


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "shardplan", "--help"], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("Usage: shardplan [OPTIONS]")


@pytest.mark.parametrize(
    ("verb", "meant"), [("plan", "solve"), ("show", "explain"), ("lint", "check")]
)
def test_verbs_of_others_are_known(run, verb, meant):
    result = run(verb, "model.yaml")
    assert result.exit_code == 2
    assert f"No such command {verb!r}; did you mean {meant!r}?" in result.stderr


@pytest.mark.parametrize("module", ["shardplan.cli.main", "click.core"])
def test_ctrl_c_while_it_is_imported_ends_it_without_a_traceback(module):
    code = f"""
import runpy, sys
class Finder:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
runpy.run_module("shardplan", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_ctrl_c_while_words_are_parsed_is_no_failure(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "make_context", interrupted)
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted\n")
