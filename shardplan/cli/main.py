"""The entry point."""

from __future__ import annotations

import gc

import click

from shardplan.bulk import leave
from shardplan.cli.registry import Commands
from shardplan.surroundings import mend_streams
from shardplan.version import __version__

_OBJECTS_BETWEEN_COLLECTIONS = 500_000
"""A plan of very many tables is millions of objects without a cycle, and looking for one among them
time and again takes as long as making them."""
_EPILOG = """\b
Exit codes: 0 done; 1 verify or diff --exit-code found something; 2 wrong usage
or invalid input; 3 no plan can exist; 4 no plan found within the limits; 70
internal error; 130 interrupted with nothing to write; 141 the reader of the
output went away.

\b
Examples:
  shardplan init model.yaml
  shardplan solve model.yaml -o plan.json
  shardplan explain plan.json
"""


@click.group(
    cls=Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="shardplan")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an internal error.")
def cli(verbose: bool) -> None:
    """Plan how embedding tables are sharded over a training cluster.

    Data goes to stdout, everything else to stderr; - stands for stdin or stdout.
    """


def main() -> None:
    """Run the command line and exit."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 50, 100)
    mend_streams()
    held: list[object] = []
    try:
        cli(prog_name="shardplan", obj=held)
    except SystemExit as ended:
        held.append(ended)  # Its traceback knows what a command that failed was at.
        leave(held)
        raise
