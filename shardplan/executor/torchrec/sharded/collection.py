"""TorchRec's sharded collection, with the outputs of the unsharded one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchrec.distributed.embeddingbag import (
    EmbeddingBagCollectionSharder,
    ShardedEmbeddingBagCollection,
)
from torchrec.modules.embedding_configs import PoolingType
from torchrec.modules.embedding_modules import get_embedding_names_by_table
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor, KeyedTensor

from shardplan.executor.torchrec.sharded.batch_reader import BatchReader, IdWeights
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.executor.torchrec.sharded.module_options import ModuleOptions


class ShardedCollection(ShardedEmbeddingBagCollection):  # type: ignore[misc]
    """What TorchRec shards, where it would read a batch otherwise than the unsharded module.

    * **Means**: of a table whose rows are cut TorchRec sums up parts, and divides the sums at the
      end. It then divides the outputs of all other tables of the module too, means a second time,
      and those of ``grid_shard`` not at all. Here each is divided that has to be.
    * **Weights of ids** count where the module weighs ids: TorchRec weighs whatever has weights.
    * **Features** may change their order: TorchRec keeps to that of its first batch.
    * **Samples of own batches** are found by the feature of each column shard. TorchRec takes the
      features in the order of the batch where they ascend and are as many, though one be there
      twice, and another, which the module does not read, not at all.
    """

    _inverse_indices_permute_indices: torch.Tensor | None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As TorchRec's."""
        super().__init__(*arguments, **options)
        averaged = _averaged_after(self._embedding_bag_configs, self.module_sharding_plan)
        self._averaged = [averaged.get(name) for name in self._embedding_names]
        """Of each output, the feature by whose number of ids its sums are divided; None: it is
        what the unsharded module gives."""
        self._has_mean_pooling_callback = False
        features = {f for each in self._embedding_bag_configs for f in each.feature_names}
        weights = IdWeights.COUNT if self._is_weighted else IdWeights.IGNORED
        self._reader = BatchReader(features, weights)

    def weights_are_made(self) -> None:
        """What is around the module gives each id its weight, or will."""
        self._reader.weights = IdWeights.OWN

    def input_dist(self, ctx: Any, features: Any) -> Any:
        """Begin to send a batch's ids.

        Raises ValueError where features or weights of ids are missing, where such weights want a
        gradient, and where features that have batches of their own size change their order.
        """
        features = self._reader.read(features)
        if any(self._averaged) and isinstance(features, KeyedJaggedTensor):
            ctx.divisor = self._divisor(features)
        return super().input_dist(ctx, features)

    def output_dist(self, ctx: Any, output: Any) -> Any:
        """Begin to send the sums."""
        return _divided(super().output_dist(ctx, output), ctx.divisor)

    def compute_and_output_dist(self, ctx: Any, input: Any) -> Any:
        """Look up, and begin to send the sums."""
        return _divided(super().compute_and_output_dist(ctx, input), ctx.divisor)

    def _create_inverse_indices_permute_indices(self, inverse_indices: Any) -> None:
        """Where each output finds the samples of its feature; TorchRec calls it once."""
        super()._create_inverse_indices_permute_indices(inverse_indices)
        if self._inverse_indices_permute_indices is None:
            keys, samples = inverse_indices
            order = [keys.index(name.split("@")[0]) for name in self._uncombined_embedding_names]
            self._inverse_indices_permute_indices = torch.tensor(order, device=samples.device)

    def _divisor(self, features: KeyedJaggedTensor) -> torch.Tensor:
        """(samples, columns of all outputs): the number of ids where sums are to be means, or 1."""
        inverse = features.inverse_indices_or_none()
        of_keys = features.to_dict()
        lengths: dict[str, torch.Tensor] = {}
        for feature in {name for name in self._averaged if name is not None}:
            each = of_keys[feature].lengths()
            if inverse is not None and features.variable_stride_per_key():
                each = each[inverse[1][inverse[0].index(feature)]]
            lengths[feature] = each.clamp(min=1)
        ones = torch.ones_like(next(iter(lengths.values())))
        columns = [ones if name is None else lengths[name] for name in self._averaged]
        widths = torch.tensor(self._embedding_dims, device=ones.device)
        return torch.stack(columns, 1).repeat_interleave(widths, 1)


class CollectionSharder(EmbeddingBagCollectionSharder):  # type: ignore[misc]
    """TorchRec's sharder of plain collections, for ``ShardedCollection``."""

    def __init__(self, options: ModuleOptions) -> None:
        super().__init__(options.fused_params(), options.codecs())
        self._options = options

    def shard(
        self, module: Any, params: Any, env: Any, device: Any = None, module_fqn: Any = None
    ) -> ShardedCollection:
        """The module, sharded."""
        sharded = ShardedCollection(
            module=module,
            table_name_to_parameter_sharding=params,
            env=env,
            fused_params=self._options.fused_params(module_fqn),
            device=device,
            qcomm_codecs_registry=self._options.codecs(module_fqn),
            module_fqn=module_fqn,
        )
        self._options.keep_format(sharded, module_fqn)
        return sharded


def _averaged_after(configs: list[Any], sharding: Mapping[str, Any]) -> dict[str, str]:
    """By name of output, the feature that it averages, of tables whose rows are cut.

    Kernels sum up what each rank has of those, and average all others themselves.
    """
    outputs = get_embedding_names_by_table(configs)
    return {
        output: feature
        for config, names in zip(configs, outputs, strict=True)
        if config.pooling is PoolingType.MEAN
        and SHARDING_TYPES.named(sharding[config.name].sharding_type).cuts_rows
        for output, feature in zip(names, config.feature_names, strict=True)
    }


def _divided(sums: Any, divisor: torch.Tensor | None) -> Any:
    """An output on its way, to be divided when it is there."""
    if divisor is not None:
        sums.callbacks.append(lambda output: _over(output, divisor))
    return sums


def _over(output: KeyedTensor, divisor: torch.Tensor) -> KeyedTensor:
    values = output.values() / divisor
    return KeyedTensor(output.keys(), output.length_per_key(), values, key_dim=1)
