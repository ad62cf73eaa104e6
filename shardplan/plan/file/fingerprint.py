"""Hashes by which a plan knows whether it is fresh, and a measurement of which plan it is."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan

_RUN_BY_A_JOB = {
    "world_size",
    "local_world_size",
    "plan",
    "tables",
    "modules",
    "training",
    "replicas",
}


def fingerprint(value: Any) -> str:
    """The sha256 of a value's canonical JSON: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_of_job(plan: Plan) -> str:
    """The sha256 of all in a plan's file that a job which runs it depends on.

    What was predicted, by which solver and when, does not count.
    """
    return fingerprint(plan.model_dump(mode="json", include=_RUN_BY_A_JOB, exclude_unset=True))
