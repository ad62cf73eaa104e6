"""``shardplan init``."""

from __future__ import annotations

import os
import shlex
from importlib.resources import files
from pathlib import Path

import click

from shardplan.cli import completions
from shardplan.cli.output import check_writable, put, put_file, tell
from shardplan.cli.sectioned import SectionedCommand
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

TEMPLATES = {
    "minimal": "a few tables on one node: the least that a spec needs",
    "full": "every key of a spec, with its default and what it means",
    "size": "machines and prices that size compares",
    "torchrec": "plans under TorchRec's own cost model and objective",
}
"""The files of the folder ``templates``."""

SCHEMA_FILE = "shardplan.schema.json"
"""What the first line of a spec names; beside the spec."""
_MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"


@click.command("init", cls=SectionedCommand)
@click.argument("file", default="shardplan.yaml", shell_complete=completions.files)
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="minimal",
    show_default=True,
    help="What to write; --list says what each is.",
)
@click.option(
    "--from",
    "source",
    type=(click.Choice(["torchrec"]), str),
    metavar="torchrec MODULE:FUNCTION",
    help="Take the tables of the model that a function makes.",
)
@click.option("--list", "show_list", is_flag=True, help="List the templates and write nothing.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init_command(
    file: str, template: str, source: tuple[str, str] | None, show_list: bool, force: bool
) -> None:
    """Write a commented spec to start from.

    FILE defaults to shardplan.yaml; - writes to stdout. Beside a file goes shardplan.schema.json,
    with which editors that have the YAML language server complete and check it.

    With --from, a function without arguments is imported and called on PyTorch's meta device; the
    model that it returns may hold any number of TorchRec's collections. Needs TorchRec.

    \b
    Examples:
      shardplan init --template full - | less
      shardplan init model.yaml --from torchrec my_package.model:make_model
    """
    if show_list:
        put("".join(f"{name:10}{what}\n" for name, what in TEMPLATES.items()))
        return
    if file != "-" and os.path.lexists(file) and not force:
        message, hint = "exists already", "--force overwrites it"
        raise InputError([Diagnostic(file, 0, 0, "", message, hint, code="exists")])
    check_writable(file)
    text, notes = _adopted(source[1]) if source else (template_text(template), ())
    put_file(text, file)
    for note in notes:
        tell(f"warning: {note}")
    if file != "-":
        _put_schema(Path(file).with_name(SCHEMA_FILE), force)
        quoted = shlex.quote(file)
        is_to_size = source is None and template == "size"
        what = f"size {quoted}" if is_to_size else f"solve {quoted} -o plan.json"
        tell(f"{file} written; next: shardplan {what}")


def template_text(name: str) -> str:
    """The content of a template."""
    text = (files("shardplan.cli") / "templates" / f"{name}.yaml").read_text(encoding="utf-8")
    return _MODELINE + text


def _adopted(reference: str) -> tuple[str, tuple[str, ...]]:
    """The spec, and notes on what it leaves out of the model and what engines do."""
    from shardplan.cli.reports.adopted_spec import adopted_text

    text, notes = adopted_text(reference)
    return _MODELINE + text, notes


def _put_schema(path: Path, force: bool) -> None:
    """Write the schema unless there is a file of that name."""
    from shardplan.cli.commands.schema import schema_text

    if force or not os.path.lexists(path):
        put_file(schema_text("spec"), str(path))
