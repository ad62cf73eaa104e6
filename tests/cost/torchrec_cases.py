"""What the tests of TorchRec's estimator share."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from shardplan.cost.torchrec.constants import constants_of
from shardplan.cost.torchrec.file import TorchRecFile
from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import validate

LOAD_FACTOR = 0.2
"""TorchRec's default."""


def shipped_file():
    path = Path(__file__).parents[2] / "cost_models" / "torchrec.yaml"
    return validate(TorchRecFile, read_document(path.read_text(), path.name))


def shipped_constants():
    return constants_of(shipped_file(), shipped_file())


def option_set(*options):
    """The options with these (table, sharding type, kernel, column shards), caches of 20%."""
    table, sharding, kernel, columns = zip(*options, strict=True)
    options = OptionSet.uncached(
        np.array(table, np.int32),
        SHARDING_TYPES.codes([SHARDING_TYPES.named(str(kind)) for kind in sharding]),
        KERNELS.codes([KERNELS.named(str(each)) for each in kernel]),
        np.array(columns, np.int32),
    )
    cached = options.has_kernel(lambda kernel: kernel.caches)
    return replace(options, hbm_share=np.where(cached, LOAD_FACTOR, options.hbm_share))
