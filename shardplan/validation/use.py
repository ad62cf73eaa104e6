"""What a published step is good for."""

from __future__ import annotations

from enum import StrEnum


class Use(StrEnum):
    """What a published step is good for; only a ``check`` counts for the accuracy."""

    CHECK = "check"
    """Nothing was fitted to it, and its inputs are known."""
    FIT = "fit"
    """A figure of a cost model or framework was fitted to it, so it proves nothing."""
    LIMIT = "limit"
    """Something in it is not what is predicted: it bounds the prediction from one side."""
    UNPREDICTED = "unpredicted"
    """Its inputs are not published."""
