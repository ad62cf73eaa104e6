"""The spec that ``init --from torchrec MODULE:FUNCTION`` writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import wrap

from shardplan.cli.reports.yaml_text import yaml_text

_HEAD = """\
# The tables of {reference}, as its EmbeddingBagCollections have them.
# A model does not say the rest: look through what is marked with "yours".
name: {name}
batch: {{local: 4096}}          # yours: samples of a step on each device
topology: {{name: dgx-h100, nodes: 1}}  # yours: shardplan list topologies
training:
  optimizer: rowwise_adagrad  # yours: sgd, adagrad, rowwise_adagrad, adam
# yours: pooling is the mean number of ids per sample of a feature, access how they hit the rows;
# here for all tables, or beside the rows of each.
"""
_WIDTH = 100


def adopted_text(reference: str) -> tuple[str, str]:
    """A commented spec for the model that ``module:function`` makes, and what it leaves out.

    Raises ShardplanError, and InputError where the spec would be refused.
    """
    from shardplan.errors import InputError
    from shardplan.model.adopt import spec_of_model
    from shardplan.spec.load import load_document
    from shardplan.spec.text.document import read_document

    found, note = spec_of_model(reference)
    found["defaults"] |= {"pooling": 1, "access": "uniform"}
    name = reference.rpartition(":")[2].replace("_", "-")
    head = _HEAD.format(reference=reference, name=name)
    comment = "".join(f"# {line}\n" for line in wrap(note, _WIDTH))
    text = head + comment + yaml_text(found)
    faults = load_document(read_document(text, reference), Path()).faults
    if faults:
        # Their lines are those of a text that is not written.
        raise InputError([replace(fault, line=0, column=0, source_line="") for fault in faults])
    return text, note
