"""The spec that ``init --from torchrec MODULE:FUNCTION`` writes."""

from __future__ import annotations

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


def adopted_text(reference: str) -> str:
    """A commented spec for the model that ``module:function`` makes; raises ShardplanError."""
    from shardplan.spec.from_torchrec import spec_of_model

    found = spec_of_model(reference)
    found["defaults"] |= {"pooling": 1, "access": "uniform"}
    name = reference.rpartition(":")[2].replace("_", "-")
    return _HEAD.format(reference=reference, name=name) + yaml_text(found)
