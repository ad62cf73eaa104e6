"""Features with batches of their own size: fewer samples than their module has, or more."""

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

    def shares(
        self, features: tuple[str, ...], poolings: tuple[float, ...] = ()
    ) -> tuple[float, ...]:
        """Of each feature, pooled so many times; empty where all have the whole batch once."""
        if not self._written:
            found = poolings
        else:
            keys = [self.keys_of(feature) for feature in features]
            own = [self._written[each[0]] if each else 1.0 for each in keys]
            times = poolings or (1.0,) * len(own)
            found = tuple(share * number for share, number in zip(own, times, strict=True))
        return found if any(share != 1 for share in found) else ()


def check_num_poolings(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """A feature has as many poolings for each table of a module that reads it, and none where
    nothing is pooled."""
    spec, first = loaded.spec, dict[tuple[str, str], tuple[float, str]]()
    for index, table in enumerate(spec.tables):
        path = table.module_in(spec.defaults)
        module = (spec.modules or {}).get(path)
        if table.num_poolings is not None and module is not None and not module.is_pooled:
            message = f"the rows of a module of the kind {module.kind} are not pooled"
            hint = "leave it out, and raise pooling"
            yield loaded.at_table(index, "num_poolings", message, hint)
        features = table.features or (table.name,)
        times = table.poolings_of(features) or (1.0,) * len(features)
        for feature, number in zip(features, times, strict=True):
            other, name = first.setdefault((path, feature), (number, table.name))
            if other != number:
                key = "num_poolings" if table.num_poolings is not None else "name"
                message = f"table {show(name)} reads {show(feature)} too, pooled {other:g} times"
                hint = "a feature has one number of samples: write the same for both"
                yield loaded.at_table(index, key, message, hint, "contradiction")


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
