"""Features with batches of their own size."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cached_property
from typing import TYPE_CHECKING

from shardplan.spec.validation.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.spec import Spec


class OwnBatches:
    """By names and globs of features, the share that their batches have of all samples."""

    def __init__(self, written: Mapping[str, float]) -> None:
        self._written = written

    @cached_property
    def _globs(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(key, re.compile(translate(key))) for key in self._written]

    def keys_of(self, feature: str) -> list[str]:
        """What is written of a feature: its name alone, where that is there."""
        if feature in self._written:
            return [feature]
        return [key for key, glob in self._globs if glob.match(feature)]

    def shares(self, features: tuple[str, ...]) -> tuple[float, ...]:
        """Of each feature; empty where all have the whole batch."""
        if not self._written:
            return ()
        keys = [self.keys_of(feature) for feature in features]
        found = tuple(self._written[each[0]] if each else 1.0 for each in keys)
        return found if any(share != 1 for share in found) else ()


def own_batches(spec: Spec) -> OwnBatches:
    """Those of a spec."""
    return OwnBatches(spec.batch.features or {})


def check_own_batches(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """Keys that mean no feature, and features that several keys give batches of different sizes."""
    written = loaded.spec.batch.features
    if not written:
        return
    batches, unused = OwnBatches(written), set(written)
    features = {name for table in loaded.spec.tables for name in table.features or (table.name,)}
    told: set[str] = set()
    for feature in sorted(features):
        first, *others = batches.keys_of(feature) or [""]
        unused -= {first, *others}
        for other in others:
            if written[other] != written[first] and other not in told:
                told.add(other)
                message = f"the feature {show(feature)} is meant by {show(first)} too"
                hint = f"write {show(feature)} by itself, or make globs narrower"
                where = ("batch", "features", other)
                yield loaded.document.diagnostic(where, message, hint, "contradiction")
    for key in written:
        if key in unused:
            message, hint = f"no feature matches {show(key)}", did_you_mean(key, features)
            where = ("batch", "features", key)
            yield loaded.document.diagnostic(where, message, hint, "unknown_name")
