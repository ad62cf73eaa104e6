"""What a profile says that measurements should have taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.calibrate.fit.kernel_terms import RATES, kernel_terms
from shardplan.calibrate.measurements.measurement import Kernel, KernelProbe, Transfer, WireProbe
from shardplan.errors import ShardplanError
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.measurements.measurement import Probe
    from shardplan.cost.profile.profile import Profile


def is_predicted(probe: Probe) -> bool:
    """Whether a cost model alone can tell; the host link is a matter of the topology."""
    return probe.subject not in (Transfer.FROM_HOST, Transfer.TO_HOST)


def predicted_seconds(profile: Profile, probes: Sequence[Probe]) -> NDArray[np.float64]:
    """(probes,): seconds of each; raises ShardplanError where the profile cannot tell."""
    seconds = np.zeros(len(probes))
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, probe in enumerate(probes):
        if isinstance(probe, KernelProbe):
            key = (probe.subject, probe.tier, probe.optimizer)
            groups.setdefault(key, []).append(index)
        else:
            seconds[index] = _wire_seconds(profile, probe)
    for chosen in groups.values():
        kernels = [probe for probe in (probes[i] for i in chosen) if isinstance(probe, KernelProbe)]
        seconds[chosen] = _kernel_seconds(profile, kernels)
    return seconds


def _kernel_seconds(profile: Profile, probes: Sequence[KernelProbe]) -> NDArray[np.float64]:
    """Of probes alike in all but their tables."""
    first = probes[0]
    if first.subject is Kernel.BOTH:
        parts = (Kernel.LOOKUP_FORWARD, Kernel.UPDATE_BACKWARD)
        total: NDArray[np.float64] = sum(
            (
                _kernel_seconds(profile, [replace(p, subject=part) for p in probes])
                for part in parts
            ),
            np.zeros(len(probes)),
        )
        return total
    updates = first.subject is Kernel.UPDATE_BACKWARD
    costs = profile.update_backward if updates else profile.lookup_forward
    if first.tier == "ddr" and (costs.ddr_path.read or costs.ddr_path.unique):
        raise ShardplanError(
            f"cost model {profile.name}: its rates for ddr depend on the path to the host's "
            "memory, which only a topology knows; leave measurements of ddr out"
        )
    terms = kernel_terms(
        [probe.set for probe in probes],
        profile.on_chip_cache_bytes,
        profile.page_bytes,
        first.optimizer if updates else None,
    )
    rates = costs.ddr if first.tier == "ddr" else costs.hbm
    found: NDArray[np.float64] = costs.launch_seconds + terms @ np.array(
        [getattr(rates, name) for name in RATES]
    )
    return found


def _wire_seconds(profile: Profile, probe: WireProbe) -> float:
    if probe.subject is Transfer.SWEEP:
        return probe.mean_bytes / profile.dense_update_bytes_per_second
    if not isinstance(probe.subject, Collective):
        raise ShardplanError(f"a cost model does not tell of {probe.subject}")
    curve = profile.scale_up.curves.get((probe.subject, probe.ranks))
    if curve is None:
        known = [str(ranks) for kind, ranks in profile.scale_up.curves if kind is probe.subject]
        raise ShardplanError(
            f"cost model {profile.name}: no curve of {probe.subject} among {probe.ranks} ranks; "
            f"there are those among {', '.join(known)}"
        )
    return curve.seconds_of_unequal(probe.mean_bytes, probe.largest_bytes)
