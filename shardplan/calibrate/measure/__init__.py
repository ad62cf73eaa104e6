"""The processes that measure a machine, and what they are told to."""
