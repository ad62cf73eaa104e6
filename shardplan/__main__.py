"""``python -m shardplan``, and what the installed command runs."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit, also where Ctrl-C comes while it is still being imported."""
    try:
        from shardplan.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
