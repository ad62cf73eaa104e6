"""The spec that ``init --from torchrec MODULE:FUNCTION`` writes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from shardplan.cli.reports.yaml_text import yaml_text

if TYPE_CHECKING:
    from shardplan.diagnostics import Diagnostic

_TABLE = re.compile(r"tables\[(\d+)\]")
"""The path of a table in a spec."""

_HEAD = """\
# The tables of {reference}, as its collections have them.
# A model does not say the rest: look through what is marked with "yours".
name: {name}
batch: {{local: 4096}}          # yours: samples of a step on each device
topology: {{name: dgx-h100, nodes: 1}}  # yours: shardplan list topologies
training:
  optimizer: {optimizer}  # {whose}
# yours: pooling is the mean number of ids per sample of a feature, access how they hit the rows;
# here for all tables, or beside the rows of each.
"""
_WIDTH = 100
_YOURS = {"optimizer": "rowwise_adagrad"}


def adopted_text(reference: str) -> tuple[str, tuple[str, ...]]:
    """A commented spec for the model that ``module:function`` makes, and notes on the model.

    Raises ShardplanError, and InputError where the spec would be refused.
    """
    from shardplan.errors import InputError
    from shardplan.model.adopt import spec_of_model
    from shardplan.spec.load import load_document
    from shardplan.spec.text.document import read_document

    found, notes = spec_of_model(reference)
    found["defaults"] |= {"pooling": 1, "access": "uniform"}
    name = reference.rpartition(":")[2].replace("_", "-")
    training = found.pop("training", None)
    whose = "the model's" if training else "yours: sgd, adagrad, adam, ...: docs/memory.md has all"
    head = _HEAD.format(reference=reference, name=name, whose=whose, **(training or _YOURS))
    comment = "".join(f"# {line}\n" for note in notes for line in wrap(note, _WIDTH))
    text = head + comment + yaml_text(found)
    faults = load_document(read_document(text, reference), Path()).faults
    if faults:
        raise InputError([_of_model(fault, found["tables"], found["defaults"]) for fault in faults])
    return text, notes


def _of_model(fault: Diagnostic, tables: list[dict[str, Any]], defaults: Any) -> Diagnostic:
    """A fault of the spec where the model has it: the spec's lines are those of no file."""
    message, path = fault.message, fault.path
    if place := _TABLE.match(path):
        table = defaults | tables[int(place[1])]
        message = f"{path[place.end() :].lstrip('.') or 'table'}: {message}"
        path = ".".join(part for part in (table["module"], table["name"]) if part)
    return replace(fault, path=path, message=message, line=0, column=0, source_line="")
