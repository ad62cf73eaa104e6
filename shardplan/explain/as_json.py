"""The numbers of an explanation -> JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from shardplan.plan.layout import reviewable

if TYPE_CHECKING:
    from shardplan.explain.device_detail import DeviceDetail
    from shardplan.explain.explanation import Explanation
    from shardplan.explain.table_detail import TableDetail


def render_json(numbers: Explanation | TableDetail | DeviceDetail) -> str:
    """Every number in SI units, which the keys name; a line for each phase, device and table."""
    return reviewable(json.loads(json.dumps(asdict(numbers))))
