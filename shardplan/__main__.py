"""``python -m shardplan``."""

from shardplan.cli.main import main

main()
