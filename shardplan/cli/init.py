"""``shardplan init``."""

from __future__ import annotations

import os
from importlib.resources import files

import click

from shardplan.cli.output import check_writable, put, put_file
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

TEMPLATES = {
    "minimal": "a few tables on one node: the least that a spec needs",
    "full": "every key of a spec, with its default and what it means",
    "torchrec": "plans under TorchRec's own cost model and objective",
}
"""The files of the folder ``templates``."""


@click.command("init")
@click.argument("file", default="shardplan.yaml")
@click.option("--template", type=click.Choice(list(TEMPLATES)), default="minimal")
@click.option("--list", "show_list", is_flag=True, help="List the templates instead.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init_command(file: str, template: str, show_list: bool, force: bool) -> None:
    """Write a commented spec to start from.

    FILE is shardplan.yaml where it is left out, - for stdout.

    \b
    Examples:
      shardplan init model.yaml
      shardplan init --template full - | less
    """
    if show_list:
        put("".join(f"{name:10}{what}\n" for name, what in TEMPLATES.items()))
        return
    if file != "-" and os.path.lexists(file) and not force:
        message, hint = "exists already", "--force overwrites it"
        raise InputError([Diagnostic(file, 0, 0, "", message, hint, code="exists")])
    check_writable(file)
    put_file(template_text(template), file)
    if file != "-":
        click.echo(f"{file} written; next: shardplan solve {file} -o plan.json", err=True)


def template_text(name: str) -> str:
    """The content of a template."""
    return (files("shardplan.cli") / "templates" / f"{name}.yaml").read_text(encoding="utf-8")
