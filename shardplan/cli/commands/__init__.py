"""One file per command: parse, call, show, exit code."""
