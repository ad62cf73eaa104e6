"""The job of a plan, as whatever starts it has to know it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.sharding.device_kind import DeviceKind

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.sharding.world import World

_LONGEST_LABEL = 50
"""Of the 63 characters of a DNS label, with room for what schedulers append."""
_NAMELESS = "shardplan"
STDIO = "-"
_PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class LaunchedJob:
    """A process for each device of a plan, of all groups that run it."""

    plan_name: str
    plan_path: str
    """Where the plan lies, from where the job is started."""
    world: World
    """All devices."""
    groups: int
    is_trained_here: bool
    """Whether the executor's training command runs such plans."""

    @classmethod
    def of(cls, plan: Plan, path: str = STDIO) -> Self:
        """Raises InputError where the plan's devices are not equal nodes."""
        world = plan.whole_world
        if world.size % world.devices_per_node:
            message = (
                f"{world.size} devices are no whole number of nodes of {world.devices_per_node}"
            )
            hint = "run shardplan verify, or solve again"
            raise InputError([Diagnostic(plan.name, 0, 0, "world_size", message, hint)])
        return cls(
            plan_name=plan.name,
            plan_path=_PLAN if path == STDIO else path,
            world=world,
            groups=plan.replicas.groups if plan.replicas else 1,
            is_trained_here=not plan.replicas and not _has_dynamic(plan),
        )

    @property
    def has_gpus(self) -> bool:
        """Whether devices are asked for besides cores."""
        return self.world.devices is DeviceKind.GPU

    @property
    def label(self) -> str:
        """The plan's name as a DNS label: what every scheduler takes for a job's name."""
        words = re.sub(r"[^a-z0-9]+", "-", self.plan_name.lower()).strip("-")
        label = words if words[:1].isalpha() else f"plan-{words}" if words else _NAMELESS
        return label[:_LONGEST_LABEL].rstrip("-")

    @property
    def title(self) -> str:
        """What it is; the name is quoted, since a plan file may hold anything for it."""
        world = self.world
        nodes = "1 node" if world.nodes == 1 else f"{world.nodes} nodes"
        title = (
            f"The plan {json.dumps(self.plan_name)}: {world.size} processes, one for each device, "
            f"on {nodes} of {world.devices_per_node}"
        )
        if self.groups > 1:
            title += f", in {self.groups} groups that each hold all tables"
        return title


def _has_dynamic(plan: Plan) -> bool:
    return any(entry.dynamic for tables in plan.plan.values() for entry in tables.values())
