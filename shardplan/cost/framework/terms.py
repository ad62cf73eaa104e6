"""What a framework adds to one phase, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds and bytes per unit of what a phase grows with; see ``TermsFile``."""

    per_step: float = 0.0
    per_sample: float = 0.0
    per_model_feature: float = 0.0
    per_group: float = 0.0
    exchanges: int = 0
    per_table: float = 0.0
    per_feature: float = 0.0
    per_id: float = 0.0
    per_bucketed_id: float = 0.0
    per_row_element: float = 0.0
    id_bytes: float = 0.0
    row_bytes: float = 0.0
    unique_row_bytes: float = 0.0
    summed_row_bytes: float = 0.0
    output_bytes: float = 0.0
    whole_output_bytes: float = 0.0
    per_output_byte: float = 0.0
    """Seconds."""
