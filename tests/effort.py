"""How many examples a property is tried on: few by default, all in continuous integration."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

FULL, QUICK = "full", "quick"
_AS_WRITTEN = 100
_LEAST = 2
"""Examples, however few a test asks for."""


def register() -> None:
    """The profiles; both try the same examples in every run, whatever the clock says."""
    for name, percent in ((FULL, _AS_WRITTEN), (QUICK, 20)):
        settings.register_profile(
            name,
            max_examples=percent,
            derandomize=True,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )


def examples(count: int) -> settings:
    """``count`` of them in the full profile, and a fifth in the quick one."""
    share = settings.default.max_examples / _AS_WRITTEN
    return settings(max_examples=max(min(count, _LEAST), round(count * share)))
