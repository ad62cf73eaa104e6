"""What the plan file says of a table that is a hash table; its words are those of dynamicemb."""

from shardplan.plan.file.plan_model import Count, PlanModel, Positive
from shardplan.workload.dynamic.dynamic import DynamicMode, Eviction, IdDeal


class DynamicEntry(PlanModel):
    """Where the values of a dynamic table lie, on every device alike."""

    mode: DynamicMode
    """``hbm``, ``caching``, ``hybrid`` or ``host``."""
    caching: bool
    """dynamicemb's option of that name."""
    global_hbm_for_values: Count
    """Bytes over all devices: dynamicemb's option. Tables of a container pool theirs."""
    dist_type: IdDeal
    bucket_capacity: Positive
    """Rows of a bucket."""
    evict: Eviction
    value_bytes_per_row: Positive
    """Weights and optimizer state."""
    rows_per_rank: Positive
    """Room for as many rows on each device."""
    hbm_rows_per_rank: Count
    """Of these, in HBM; what a cache keeps besides for rows that find no room is not counted."""
    host_rows_per_rank: Count
    """Of these, on the host."""
