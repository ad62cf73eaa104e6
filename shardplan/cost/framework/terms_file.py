"""What a framework file may say of one phase."""

from __future__ import annotations

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.figure import Figure
from shardplan.spec.fields.quantities import Count, RateOrFree, Seconds, SomeBytes


class TermsFile(Border):
    """What a framework adds to a phase; what is left out costs nothing.

    Bytes are moved at the rate at which the device sweeps its memory, ``dense_update`` of the cost
    model. Phases in which devices exchange something have them only where there are several
    devices, and not for data-parallel tables.
    """

    per_step: Figure[Seconds] | None = None
    """Once per step."""
    per_sample: Figure[Seconds] | None = None
    """Per sample of a device's own part of the batch."""
    per_model_feature: Figure[Seconds] | None = None
    """Per feature of the model, wherever its table is."""
    per_group: Figure[Seconds] | None = None
    """Once for each sharding type that a module has any table of."""
    exchanges: Figure[Count] | None = None
    """All-to-alls of a few bytes, for each sharding type that a module has any table of."""
    per_table: Figure[Seconds] | None = None
    """Per table or column shard on the device."""
    per_feature: Figure[Seconds] | None = None
    """Per feature of these."""
    per_id: Figure[Seconds] | None = None
    """Per id looked up on the device."""
    per_bucketed_id: Figure[Seconds] | None = None
    """Per id of a table whose rows are cut, which is sorted by where its row lies."""
    per_row_element: Figure[Seconds] | None = None
    """Per element of the rows of all ids."""
    id_bytes: Figure[SomeBytes] | None = None
    """Moved per id looked up on the device."""
    row_bytes: Figure[SomeBytes] | None = None
    """Moved per element of the rows of all ids."""
    unique_row_bytes: Figure[SomeBytes] | None = None
    """Moved per element of the distinct rows of the batch."""
    summed_row_bytes: Figure[SomeBytes] | None = None
    """Moved per element of rows that are summed with others, all but one of each sample's, where
    they are not summed as they are read."""
    output_bytes: Figure[SomeBytes] | None = None
    """Moved per element of pooled outputs, or of their gradients."""
    whole_output_bytes: Figure[SomeBytes] | None = None
    """Moved per element of pooled outputs, or of their gradients, where all parts of a sample's
    rows are summed."""
    output: Figure[RateOrFree] | None = None
    """Rate at which the bytes of pooled outputs, or of their gradients, are moved besides."""
