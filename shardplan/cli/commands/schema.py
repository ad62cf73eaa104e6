"""``shardplan schema``."""

from __future__ import annotations

import json

import click

from shardplan.cli import completions
from shardplan.cli.output import check_writable, put_file
from shardplan.cli.sectioned import SectionedCommand

SUBJECTS = ("spec", "topology", "cost-model", "framework", "plan", "front")


@click.command("schema", cls=SectionedCommand)
@click.argument("subject", type=click.Choice(SUBJECTS))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    shell_complete=completions.files,
    help="Where to write the schema; else stdout.",
)
def schema_command(subject: str, output: str) -> None:
    """Print the JSON Schema of a file, for editors and other programs.

    Draft 07. Editors with the YAML language server read it from the first line of a spec, which
    init writes: # yaml-language-server: $schema=shardplan.schema.json

    \b
    Examples:
      shardplan schema spec -o shardplan.schema.json
      shardplan schema plan | less
    """
    check_writable(output)
    put_file(schema_text(subject), output)


def schema_text(subject: str) -> str:
    """The schema of one of ``SUBJECTS``, as JSON."""
    from shardplan.json_schema import json_schema

    return json.dumps(json_schema(subject), indent=2, ensure_ascii=False) + "\n"
