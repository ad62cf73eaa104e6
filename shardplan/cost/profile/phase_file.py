"""The part of a cost-model file that is about one phase."""

from __future__ import annotations

from shardplan.spec.fields.border import Border


class PhaseFile(Border):
    """The coefficients of a phase, a ``Figure`` each; the file has them under the phase's name."""
