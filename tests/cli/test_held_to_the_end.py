"""What a command holds is not freed when its process ends, and all else is as ever."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import click
from shardplan.bulk import leave
from shardplan.cli.inputs import hold

class Told:
    def __del__(self):
        print("freed")

@click.command()
def command():
    hold(Told())
    print("done")
    click.get_current_context().exit(3)

held = []
try:
    command(obj=held if {holds} else None)
except SystemExit:
    leave(held)
    raise
"""


def ended(holds):
    program = PROGRAM.format(holds=holds)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.returncode, done.stdout.split(), done.stderr


def test_it_is_left_to_the_system_and_output_and_exit_code_arrive():
    assert ended(holds=True) == (3, ["done"], "")


def test_in_a_program_of_others_it_is_freed():
    code, said, errors = ended(holds=False)
    assert (code, sorted(said), errors) == (3, ["done", "freed"], "")
