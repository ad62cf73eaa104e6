"""Numbers of the file: the same digits on every machine."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shardplan.plan.file.rounding import rounded

Amount = Annotated[float, Field(ge=0, le=1e30), AfterValidator(rounded)]
"""Not below 0, to 9 significant digits."""
