"""What a collection of tables has that its sharded form would not, without a word of it.

Sharding reads the configs of a collection and puts another module in its place. Whatever was done
to the collection besides is lost: weights that are tied are trained apart, frozen ones are trained.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from shardplan.model.sparse_module import Unkept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shardplan.model.tables_within import TablesWithin

_BAG = "torch.nn.modules.sparse.EmbeddingBag"
_LOOKUPS = {"embedding_bags": _BAG, "embeddings": "torch.nn.modules.sparse.Embedding"}
"""What a collection makes of its tables, by where it keeps them."""
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_GRADIENT_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
"""Of a parameter."""
_FORMATS = {
    "FP32": ("torch.float32",),
    "FP16": ("torch.float16",),
    "BF16": ("torch.float16", "torch.bfloat16"),
}
"""What a collection makes its bags of, by the format in the config; TorchRec 1.8 knows no bf16."""
_COMPILED = "_orig_mod"
"""Where ``torch.compile`` keeps the module that it was given; it calls that one, whatever comes."""
_READ = frozenset(
    {
        "name",
        "num_embeddings",
        "embedding_dim",
        "data_type",
        "feature_names",
        "pooling",
        "weight_init_min",
        "weight_init_max",
        "init_fn",
    }
)
"""What of a table's config is known, and kept to."""
_OUTSIDE = "keep it outside of the collection: sharding puts another module in its place"


def memory_of(tensor: Any) -> int:
    """A number for what a tensor's values lie in: parameters may differ and share it."""
    try:
        number: int = tensor.untyped_storage()._cdata  # noqa: SLF001, PyTorch has no other
    except Exception:  # sparse and lazy ones have none, and say so in several ways
        return id(tensor)
    return number


def places_of_memory(model: Any) -> dict[int, list[str]]:
    """By ``memory_of`` each, the names of all parameters and buffers."""
    places: dict[int, list[str]] = {}
    for named in (model.named_parameters, model.named_buffers):
        for name, tensor in named(remove_duplicate=False):
            places.setdefault(memory_of(tensor), []).append(name)
    return places


def unkept(
    module: Any, within: TablesWithin, paths: Sequence[str], places: Mapping[int, list[str]]
) -> Iterator[Unkept]:
    """Each thing once; ``paths`` are the places of the module, ``places`` those of all memory.

    Needs neither PyTorch nor TorchRec.
    """
    own = tuple(f"{path}." if path else "" for path in paths)
    yield from _since_it_was_made(within)
    for config, lookup in within.items():
        others = [
            place
            for place in places.get(memory_of(lookup.weight), ())
            if place not in [f"{each}{within.weight_name(config.name)}" for each in own]
        ]
        yield from _of_table(config, lookup, within.lookups, others)
        if within.is_weighted and config.pooling.value != "SUM":
            yield Unkept(
                str(config.name),
                f"{config.pooling.value.lower()} pooling of weighted ids, which PyTorch has not; "
                "TorchRec divides by the weights of some sharding types, by the ids of others",
                "take sums, and weights that add up to one",
            )
    if any(path.rpartition(".")[2] == _COMPILED for path in paths):
        hint = "compile what is around it, or the sharded model"
        yield Unkept("", "it is compiled by itself, and its sharded form would not be called", hint)
    yield from _besides(within.holder, [within.lookups], whole=True)
    if within.inner_path:
        yield from _besides(module, [within.inner_path, within.beside], whole=False)


def _since_it_was_made(within: TablesWithin) -> Iterator[Unkept]:
    """A collection reads its configs when it is made, its sharded form later.

    It keeps the list that it was given, so that who goes on using that changes it.
    """
    hint = "make configs of its own for each collection, and leave them as they are"
    configs, made = within.configs, within.made
    if made != [config.name for config in configs]:
        were, are = _few(made), _few([str(config.name) for config in configs])
        yield Unkept("", f"its {within.word} are {were}, those of its configs {are}", hint)
        return
    holder = within.holder
    for config, features in zip(configs, _features_when_made(holder), strict=False):
        if list(features) != list(config.feature_names):
            were, are = _few(features), _few(config.feature_names)
            yield Unkept(str(config.name), f"it is read by {were}, by its config by {are}", hint)
    names = getattr(holder, "_embedding_names", None)
    if names is not None and len(names) != sum(len(config.feature_names) for config in configs):
        yield Unkept("", "its configs have other features than when it was made", hint)


def _features_when_made(holder: Any) -> Sequence[Sequence[str]]:
    """Of each table, where the collection keeps them."""
    found: Sequence[Sequence[str]] = getattr(holder, "_feature_names", ())
    return found


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _of_table(config: Any, bag: Any, lookups: str, others: Sequence[str]) -> Iterator[Unkept]:
    name = str(config.name)
    if others:
        yield Unkept(
            name,
            f"its weights are those of {others[0]} too, and would be trained apart",
            "give each its own weights, or read one table by the features of both",
        )
    if not bag.weight.requires_grad:
        yield Unkept(
            name,
            "its weights are frozen (requires_grad is False), and would be trained",
            "set requires_grad, or take it out of the collection and look it up on its own",
        )
    if getattr(config, "use_virtual_table", False):
        hint = "give it rows, and use_virtual_table=False"
        yield Unkept(name, "it is a virtual table, whose rows no plan can count", hint)
    elif unknown := _unknown_fields(config):
        hint = "leave them as they are by default"
        yield Unkept(name, f"no plan knows of its {', '.join(unknown)}", hint)
    if any(getattr(bag.weight, hooks, None) for hooks in _GRADIENT_HOOKS):
        hint = "the optimizer is fused into the backward pass: there is no gradient to change"
        yield Unkept(name, "hooks on its gradients would be lost", hint)
    if other := _otherwise(config, bag, lookups):
        yield Unkept(name, f"it is looked up by {other}", f"leave {lookups} as they are made")


def _unknown_fields(config: Any) -> list[str]:
    """Of a config, what is set and not known here."""
    return [
        f"{field.name}={getattr(config, field.name)!r}"
        for field in fields(config)
        if field.name not in _READ
        and field.default is not MISSING
        and getattr(config, field.name) != field.default
    ]


def _otherwise(config: Any, bag: Any, lookups: str) -> str:
    """How a bag differs from what the collection makes of its config; empty if it does not."""
    kind = type(bag)
    usual_kind = _LOOKUPS[lookups].rpartition(".")[2]
    if f"{kind.__module__}.{kind.__qualname__}" != _LOOKUPS[lookups]:
        return f"{kind.__qualname__} in place of an {usual_kind}"
    of_bags = usual_kind == "EmbeddingBag" and (
        ("mode", bag.mode, config.pooling.value.lower()),
        ("include_last_offset", bag.include_last_offset, True),
    )
    for what, value, usual in (
        ("padding_idx", bag.padding_idx, None),
        ("max_norm", bag.max_norm, None),
        ("scale_grad_by_freq", bag.scale_grad_by_freq, False),
        ("shape", tuple(bag.weight.shape), (config.num_embeddings, config.embedding_dim)),
        *(of_bags or ()),
    ):
        if value != usual:
            return f"an {usual_kind} with {what}={value}"
    given = str(bag.weight.dtype)
    usual_formats = _FORMATS.get(config.data_type.value, (given,))
    return "" if given in usual_formats else f"an {usual_kind} of {given}"


def _besides(module: Any, kept: Sequence[str], whole: bool) -> Iterator[Unkept]:
    """What is in a module besides the ``kept`` children, and hooks on it.

    And on all inside of it, where the ``whole`` module is another one once it is sharded.
    """
    for name, _ in module.named_children():
        if name not in kept:
            yield Unkept(name, "a module inside it would be lost", _OUTSIDE)
    for kind, named in (
        ("parameter", module.named_parameters(recurse=False)),
        ("buffer", module.named_buffers(recurse=False)),
    ):
        for name, _ in named:
            yield Unkept(name, f"a {kind} inside it would be lost", _OUTSIDE)
    every = list(module.modules()) if whole else [module]
    if any("forward" in vars(inner) for inner in every):
        yield Unkept("", "a forward of its own would be lost", "do the same around the collection")
    if any(getattr(inner, hooks, None) for inner in every for hooks in _HOOKS):
        yield Unkept("", "hooks on it would be lost", "set them on the sharded model")
