"""The plan file's ``tables``: each as it was when the plan was made."""

from collections.abc import Sequence
from typing import Self

from pydantic import TypeAdapter

from shardplan.plan.file.plan_model import PlanModel, Positive
from shardplan.plan.file.rounding import rounded
from shardplan.spec.fields.access import AccessField
from shardplan.spec.fields.padding import PaddingSpec
from shardplan.workload.dtype import Dtype
from shardplan.workload.table import Table


class TableFacts(PlanModel):
    """A table as it was when the plan was made."""

    name: str
    module: str
    rows: Positive
    dim: Positive
    dtype: Dtype
    features: tuple[str, ...]
    pooling: float
    """Mean ids per sample, over all features."""
    access: AccessField | None = None
    """How ids hit its rows, as a spec has it; from format 1.1 on."""
    padding: PaddingSpec | None = None
    """The id that is but padding, where there is one."""
    batch_shares: tuple[float, ...] = ()
    """Of each feature, its own samples for each of the batch; without any, 1 of all."""

    @classmethod
    def of_all(cls, tables: Sequence[Table]) -> tuple[Self, ...]:
        """What the plan file keeps of tables."""
        facts = [
            {
                "name": table.name,
                "module": table.module,
                "rows": table.rows,
                "dim": table.dim,
                "dtype": table.dtype,
                "features": table.features,
                "pooling": rounded(table.pooling),
                "access": table.pattern,
            }
            | ({"padding": PaddingSpec.of(table.padding)} if table.padding else {})
            | ({"batch_shares": table.batch_shares} if table.batch_shares else {})
            for table in tables
        ]
        return tuple(TypeAdapter(list[cls]).validate_python(facts))  # type: ignore[valid-type]
