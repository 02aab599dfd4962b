"""The configurations of the published G2PT models, and how their files say them.

A training checkpoint says `block_size`, `vocab_size`, `n_layer`, `n_head`, `n_embd`, `bias`. A folder in hub layout
says the same in the words of GPT-2, always has biases, and the approximate gelu, although training used the exact one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from humboldt.foundations import AttentionConfig, BlockConfig, ConfigError, CoreConfig, ScaleConfig

from .config import GraphConfig
from .sequence import published_ordering
from .vocabulary import PUBLISHED, Vocabulary

SIZES = {"small": (6, 6, 384), "base": (12, 12, 768), "large": (24, 16, 1024)}
ROWS = {"qm9": 30, "moses": 60, "guacamol": 120, "planar": 100, "tree": 80, "lobster": 110, "sbm": 200}
POSITIONS = {"qm9": 85, "moses": 207, "guacamol": 614, "planar": 918, "tree": 446, "lobster": 698, "sbm": 5080}
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_exact": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_tanh": "gelu_tanh",
}


def decoder_core(
    *,
    layers: int,
    heads: int,
    width: int,
    bias: bool = False,
    activation: Literal["gelu", "gelu_tanh"] = "gelu",
    eps: float = 1e-5,
    condition: int = 0,
) -> CoreConfig:
    """A plain causal decoder: one scale, norms before, a perceptron four times as wide, a norm at the end."""
    attention = AttentionConfig(heads=heads, causal=True, bias="all" if bias else "none")
    block = BlockConfig(attention=attention, hidden=4 * width, activation=activation)
    scale = ScaleConfig(width=width, down=(block,) * layers)
    return CoreConfig(axes=1, scales=(scale,), condition=condition, final_norm=True, norm_eps=eps, bias=bias)


def g2pt(
    vocabulary: str = "qm9",
    size: str = "small",
    order: Literal["bfs", "dfs", "deg", "uniform"] = "bfs",
) -> GraphConfig:
    """A published configuration (arXiv 2501.01073).

    Args:
        vocabulary: qm9, moses, guacamol, planar, tree, lobster or sbm.
        size: small, base or large.
        order: of the edges.

    Raises:
        ConfigError: another name.
    """
    for name, known in ((vocabulary, PUBLISHED), (size, SIZES)):
        if name not in known:
            raise ConfigError(f"a published configuration is one of {', '.join(known)}, got {name!r}")
    layers, heads, width = SIZES[size]
    return GraphConfig(
        vocabulary=PUBLISHED[vocabulary],
        core=decoder_core(layers=layers, heads=heads, width=width),
        length=POSITIONS[vocabulary],
        rows=ROWS[vocabulary],
        ordering=published_ordering(order),
    )


def is_published(fields: Mapping[str, Any]) -> bool:
    """Whether a parsed `config.json` (or `model_args` of a training checkpoint) is one of a published model."""
    return {"n_layer", "n_head", "n_embd", "vocab_size"} <= fields.keys()


def is_hub(fields: Mapping[str, Any]) -> bool:
    """Whether it is in the words of GPT-2, as on the hub."""
    return "GPT2LMHeadModel" in (fields.get("architectures") or ()) or "activation_function" in fields


def config_from_published(
    fields: Mapping[str, Any], *, hub: bool, bias: bool | None = None, vocabulary: Vocabulary | None = None
) -> GraphConfig:
    """What published fields are called here.

    Args:
        fields: of `config.json` or `model_args`.
        hub: the layout of the weights; decides the activation where the fields do not say it.
        bias: whether the weights have biases, where the fields do not say it.
        vocabulary: of the model, where the fields do not tell it.

    Raises:
        ConfigError: a value that the published models do not have.
    """
    named = fields.get("activation_function", fields.get("activation", "gelu_new" if hub else "gelu"))
    if named not in ACTIVATIONS:
        raise ConfigError(f"the activation of a published model is one of {', '.join(ACTIVATIONS)}, got {named!r}")
    if not is_published(fields):
        raise ConfigError(f"a published model says n_layer, n_head, n_embd and vocab_size, got {sorted(fields)}")
    if fields.get("n_inner") not in (None, 4 * fields["n_embd"]):
        raise ConfigError(f"the perceptron of a published model is four times as wide, got n_inner={fields['n_inner']}")
    length = fields.get("block_size", fields.get("n_positions", fields.get("n_ctx")))
    if length is None:
        raise ConfigError(f"a published model says block_size or n_positions, got {sorted(fields)}")
    core = decoder_core(
        layers=fields["n_layer"],
        heads=fields["n_head"],
        width=fields["n_embd"],
        bias=bool(fields.get("bias", hub if bias is None else bias)),
        activation=ACTIVATIONS[named],  # type: ignore[arg-type]
        eps=fields.get("norm_eps", fields.get("layer_norm_epsilon", 1e-5)),
    )
    vocabulary = vocabulary or _vocabulary(fields)
    order = fields.get("order", "bfs")
    return GraphConfig(
        vocabulary=vocabulary,
        core=core,
        length=length,
        rows=fields["vocab_size"],
        ordering=published_ordering(order),
    )


def _vocabulary(fields: Mapping[str, Any]) -> Vocabulary:
    name = fields.get("dataset")
    if name is None:
        name = next((known for known, rows in ROWS.items() if rows == fields["vocab_size"]), None)
    if name not in PUBLISHED:
        raise ConfigError(
            f"published models have the vocabularies {', '.join(PUBLISHED)}, told by their number of rows {ROWS}, got "
            f"vocab_size={fields['vocab_size']}; a model of another vocabulary needs vocabulary=..."
        )
    return PUBLISHED[name]


def config_to_published(config: GraphConfig, hub: bool) -> dict[str, Any]:
    """The published fields of a configuration.

    Raises:
        ConfigError: the published formats cannot say it.
    """
    scale, core = config.core.scales[0], config.core
    block = scale.down[0]
    fields: dict[str, Any] = {
        "n_layer": len(scale.down),
        "n_head": block.attention.heads,
        "n_embd": scale.width,
        "vocab_size": config.rows,
        "dataset": config.vocabulary.name,
        "order": config.ordering.edges,
    }
    if hub:
        fields |= {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "n_positions": config.length,
            "activation_function": "gelu_new" if block.activation == "gelu_tanh" else "gelu",
            "layer_norm_epsilon": core.norm_eps,
            "tie_word_embeddings": True,
        }
    else:
        fields |= {"block_size": config.length, "bias": core.bias, "dropout": 0.0}
    again = config_from_published(fields, hub=hub, bias=core.bias, vocabulary=config.vocabulary)
    same = again.core == core or (hub and not core.bias and again.core == _with_biases(config))
    if config.vocabulary.spelling != "sets" or not same:
        raise ConfigError("the published formats say plain decoders with one kind of block; use model.save(folder)")
    return fields


def _with_biases(config: GraphConfig) -> CoreConfig:
    """The same decoder with (zero) biases, as the hub layout wants it."""
    scale = config.core.scales[0]
    block = scale.down[0]
    return decoder_core(
        layers=len(scale.down),
        heads=block.attention.heads,
        width=scale.width,
        bias=True,
        activation=block.activation,
        eps=config.core.norm_eps,
        condition=config.core.condition,
    )
