"""The configuration of the published scOT and Poseidon models, and what it is called here.

A published `config.json` is one flat object (arXiv 2405.19101; the fields of `ScotConfig`). `config_from_published` and
`config_to_published` translate both ways; anything that one side cannot say is refused by name.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from humboldt.foundations import ConfigError, from_dict, to_dict

from .config import Channel, PDEConfig
from .poseidon import fluid_channels, scot_core

logger = logging.getLogger(__name__)

ALIASES = {"num_attention_heads": "num_heads"}
MASK_TOKEN = "_fixture_use_mask_token"  # in published code an argument of the class, so it has no field of its own
DERIVED = {
    "architectures",
    "hidden_size",
    "model_type",
    "num_hidden_layers",
    "num_layers",
    "pretrained_window_sizes",
    "torch_dtype",
    "transformers_version",
}


@dataclass(frozen=True, kw_only=True)
class ScotConfig:
    """The published fields with their published defaults.

    Attributes:
        image_size: grid points per axis (square).
        embed_dim: channels of a token at the finest scale; doubles with every stage.
        depths, num_heads, skip_connections: blocks, heads and skip blocks of every stage, finest first.
        channel_slice_list_normalized_loss: borders of the channel groups with a relative loss; None for a plain loss.
        p: 1 for absolute, 2 for squared errors.
        residual_model: kind of the skip blocks, `convnext` or `resnet`.
    """

    image_size: int = 224
    patch_size: int = 4
    num_channels: int = 3
    num_out_channels: int = 1
    embed_dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    skip_connections: tuple[int, ...] = (1, 1, 1)
    window_size: int = 7
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    drop_path_rate: float = 0.1
    hidden_act: str = "gelu"
    use_absolute_embeddings: bool = False
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-5
    p: int = 1
    channel_slice_list_normalized_loss: tuple[int, ...] | None = None
    residual_model: str = "convnext"
    use_conditioning: bool = False
    learn_residual: bool = False

    def __post_init__(self) -> None:
        choices = {"p": (1, 2), "residual_model": ("convnext", "resnet"), "hidden_act": ("gelu",)}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} of a published model is one of {allowed}, got {getattr(self, name)!r}")
        for name in ("num_heads", "skip_connections"):
            if len(getattr(self, name)) != len(self.depths):
                raise ConfigError(
                    f"{name} needs one entry per stage ({len(self.depths)}), got {list(getattr(self, name))}; "
                    "write as many as there are depths"
                )
        if self.image_size % self.patch_size:
            raise ConfigError(f"patch_size must divide image_size, got {self.patch_size} and {self.image_size}")
        self._check_groups()

    def _check_groups(self) -> None:
        borders = self.channel_slice_list_normalized_loss
        if borders is None:
            return
        rises = len(borders) > 1 and all(a < b for a, b in pairwise(borders))
        if not rises or borders[0] < 0 or borders[-1] > self.num_out_channels:
            raise ConfigError(
                "channel_slice_list_normalized_loss holds rising borders between 0 and num_out_channels "
                f"({self.num_out_channels}), got {list(borders)}"
            )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Output channels, grouped as the loss groups them; named if they are those of the published pretraining."""
        borders = self.channel_slice_list_normalized_loss
        if self.num_out_channels == 4 and borders == (0, 1, 3, 4):
            return fluid_channels()
        if borders is None:
            return tuple(Channel(name=f"channel_{i}") for i in range(self.num_out_channels))
        groups = {i: f"group_{k}" for k, (a, b) in enumerate(pairwise(borders)) for i in range(a, b)}
        return tuple(
            Channel(name=f"channel_{i}", group=groups.get(i, ""), scored=i in groups)
            for i in range(self.num_out_channels)
        )


def is_published(fields: Mapping[str, Any]) -> bool:
    """Whether a parsed `config.json` is one of a published scOT model."""
    return "ScOT" in (fields.get("architectures") or ()) or {"embed_dim", "depths", "skip_connections"} <= fields.keys()


def config_from_published(fields: Mapping[str, Any]) -> PDEConfig:
    """What a published `config.json` is called here; absent fields take the published defaults, unknown are logged.

    Raises:
        ConfigError: a value that the published models do not have, named.
    """
    fields = {ALIASES.get(key, key): value for key, value in fields.items()}
    if "skip_connections" in fields:
        fields["skip_connections"] = [int(count) for count in fields["skip_connections"]]  # booleans count as 0 and 1
    if any(fields.get("pretrained_window_sizes", ())):
        raise ConfigError(
            f"pretrained_window_sizes of a published model are zeros, got {fields['pretrained_window_sizes']}"
        )
    for name in ("image_size", "patch_size", "window_size"):
        if not isinstance(fields.get(name, 0), int):
            raise ConfigError(f"{name} of a published model is one integer, got {fields[name]!r}")
    known = {f.name for f in dataclasses.fields(ScotConfig)}
    unknown = sorted(fields.keys() - known - DERIVED - {MASK_TOKEN})
    if unknown:
        logger.warning("keys of config.json without a meaning for a scOT model, ignored: %s", ", ".join(unknown))
    scot = from_dict(ScotConfig, {key: value for key, value in fields.items() if key in known})
    if scot.hidden_dropout_prob or scot.attention_probs_dropout_prob:
        logger.warning("dropout is not used when this model is trained further; predictions do not depend on it")
    return _translated(scot, mask_token=bool(fields.get(MASK_TOKEN, False)))


def _translated(scot: ScotConfig, mask_token: bool) -> PDEConfig:
    core = scot_core(
        width=scot.embed_dim,
        depths=scot.depths,
        heads=scot.num_heads,
        window=scot.window_size,
        grid=scot.image_size // scot.patch_size,
        mlp_ratio=scot.mlp_ratio,
        skips=scot.skip_connections,
        skip_kind=scot.residual_model,
        condition=int(scot.use_conditioning),
        bias=scot.qkv_bias,
        drop_path=scot.drop_path_rate,
        eps=scot.layer_norm_eps,
    )
    outputs = scot.channels
    more = (Channel(name=f"channel_{i}") for i in range(len(outputs), scot.num_channels))
    return PDEConfig(
        inputs=(*outputs, *more)[: scot.num_channels],
        outputs=outputs,
        core=core,
        patch=scot.patch_size,
        resolution=scot.image_size,
        increment=scot.learn_residual and scot.use_conditioning,
        absolute_position=scot.use_absolute_embeddings,
        mask_token=mask_token,
        periodic=False,
        loss="plain" if scot.channel_slice_list_normalized_loss is None else "relative",
        loss_order=scot.p,  # type: ignore[arg-type]
    )


def config_to_published(config: PDEConfig) -> dict[str, Any]:
    """The flat published fields of a configuration that is a scOT model.

    Raises:
        ConfigError: names what the published format cannot say.
    """
    scales, fine = config.core.scales, config.core.scales[0]
    attention = [scale.down[0].attention for scale in scales]
    groups = sorted(config.groups.values())
    scot = ScotConfig(
        image_size=config.resolution or 0,
        patch_size=config.patch,
        num_channels=len(config.inputs),
        num_out_channels=len(config.outputs),
        embed_dim=fine.width,
        depths=tuple(len(scale.down) for scale in scales),
        num_heads=tuple(a.heads for a in attention),
        skip_connections=tuple(scale.skip for scale in scales),
        window_size=max(a.window[0] or 0 for a in attention),
        mlp_ratio=fine.down[0].hidden / fine.width,
        qkv_bias=attention[0].bias == "query_value",
        drop_path_rate=fine.up[-1].drop_path if fine.up else 0.0,
        use_absolute_embeddings=config.absolute_position,
        layer_norm_eps=config.core.norm_eps,
        p=config.loss_order,
        channel_slice_list_normalized_loss=(groups[0][0], *(group[-1] + 1 for group in groups))
        if config.loss == "relative"
        else None,
        residual_model=config.core.skip_kind,
        use_conditioning=config.core.condition > 0,
        learn_residual=config.increment,
    )
    fields = {**to_dict(scot), "architectures": ["ScOT"], "model_type": "swinv2"}
    fields |= {MASK_TOKEN: True} if config.mask_token else {}
    if lost := list(differences(config, config_from_published(fields))):
        raise ConfigError(
            f"the published format describes scOT models only and cannot say {', '.join(lost)} of this model; "
            "use model.save(folder) instead"
        )
    return fields


def differences(config: PDEConfig, other: PDEConfig) -> Iterator[str]:
    """Fields in which two configurations differ; names and units of channels do not count, their groups do."""
    for field in dataclasses.fields(PDEConfig):
        if field.name == "inputs":
            same = len(config.inputs) == len(other.inputs)
        elif field.name == "outputs":
            same = list(config.groups.values()) == list(other.groups.values())
            same = same and len(config.outputs) == len(other.outputs)
        else:
            same = getattr(config, field.name) == getattr(other, field.name)
        if not same:
            yield field.name
