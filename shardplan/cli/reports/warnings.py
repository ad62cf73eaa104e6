"""Warnings about a spec, each at the line that it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.explain.advice.advice import warnings

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.diagnostics import Diagnostic
    from shardplan.explain.advice.rule import Warned
    from shardplan.spec.loaded import LoadedSpec


def warnings_of(loaded: LoadedSpec, case: Case) -> tuple[Diagnostic, ...]:
    """Diagnostics of severity ``warning``."""
    return tuple(replace(_located(loaded, found), severity="warning") for found in warnings(case))


def _located(loaded: LoadedSpec, found: Warned) -> Diagnostic:
    """At its line; at no line where its key is not written, being the default."""
    if found.table is not None:
        (key,) = found.path
        return loaded.at_table(found.table, key, found.message, found.hint, found.code)
    at = loaded.document.diagnostic(found.path, found.message, found.hint, found.code)
    return (
        at
        if _is_written(loaded.document.value, found.path)
        else replace(at, line=0, column=0, source_line="")
    )


def _is_written(value: object, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
