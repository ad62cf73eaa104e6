"""Which small plans tell most about the terms of a step."""
