"""The configuration of published BioAnalyst checkpoints, and what it is called here, both ways.

A published configuration has the constructor's arguments under `model` and the names of variables under `variables`.
Released weight files have none beside them; `record_of_weights` reads it off their shapes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from humboldt.foundations import ConfigError, CoreConfig, PerceiverConfig

from .config import AdapterConfig, GridConfig, VariableGroup
from .released import SWIN, biocube_groups, mvit_core, swin_core
from .variables import GROUPS, LEVELS, variable_group

logger = logging.getLogger(__name__)

VARIABLES = {name: ("atmos_vars" if name == "atmospheric" else f"{name}_vars") for name in GROUPS}
DEFAULTS: dict[str, Any] = {
    "atmos_levels": [int(level) for level in LEVELS],
    "species_num": 28,
    "H": 160,
    "W": 280,
    "patch_size": 4,
    "embed_dim": 256,
    "num_heads": 16,
    "kv_heads": 8,
    "head_dim": 64,
    "depth": 3,
    "num_latent_tokens": 8,
    "backbone_type": "swin",
    "swin_backbone_size": "medium",
    "swin_mlp_ratio": 4.0,
    "swin_qkv_bias": True,
    "swin_drop_path_rate": 0.1,
    "use_lora": False,
    "use_vera": False,
    "peft_r": 16,
    "lora_alpha": 8,
    "d_initial": 0.1,
    "peft_steps": 1,
    "peft_mode": "single",
}
SIZES = (
    "swin_encoder_depths",
    "swin_encoder_num_heads",
    "swin_decoder_depths",
    "swin_decoder_num_heads",
    "swin_window_size",
)
WITHOUT_MEANING = {"rollout_steps", "finetune_mode", "td_learning", "lead_time", "learning_rate", "weight_decay"}


def is_published(fields: Mapping[str, Any]) -> bool:
    """Whether a parsed `config.json` is one of a published BioAnalyst model."""
    model = fields.get("model")
    return isinstance(model, Mapping) and {"embed_dim", "patch_size", "depth"} <= model.keys()


def config_from_published(fields: Mapping[str, Any]) -> GridConfig:
    """What a published configuration is called here, with the published behaviour.

    Absent fields take the published defaults, unknown ones are logged.

    Raises:
        ConfigError: a value that the published models do not have.
    """
    given = dict(fields["model"])
    unknown = sorted(given.keys() - DEFAULTS.keys() - set(SIZES) - WITHOUT_MEANING)
    if unknown:
        logger.warning("keys of config.json without a meaning for a BioAnalyst model, ignored: %s", ", ".join(unknown))
    model = {**DEFAULTS, **given}
    core, backbone = _core(model)
    return GridConfig(
        groups=_groups(fields.get("variables"), tuple(float(level) for level in model["atmos_levels"])),
        grid=(model["H"], model["W"]),
        patch=model["patch_size"],
        core=core,
        perceiver=PerceiverConfig(
            heads=model["num_heads"],
            groups=model["kv_heads"],
            head_width=model["head_dim"],
            depth=model["depth"],
            dropout=0.1,
        ),
        backbone=backbone,
        adapter=_adapter(model) if backbone == "swin" else None,
        behaviour="published",
    )


def _core(model: Mapping[str, Any]) -> tuple[CoreConfig, Any]:
    kind, width = model["backbone_type"], model["embed_dim"]
    if kind == "mvit":
        return mvit_core(width), kind
    if kind != "swin":
        raise ConfigError(f"backbone_type of a published model is 'swin' or 'mvit', got {kind!r}")
    named = model["swin_backbone_size"]
    if named not in SWIN and not set(SIZES) <= model.keys():
        raise ConfigError(f"swin_backbone_size of a published model is one of {sorted(SWIN)}, got {named!r}")
    size = SWIN.get(named, {})
    depths, heads = (
        model.get("swin_encoder_depths", size.get("depths")),
        model.get("swin_encoder_num_heads", size.get("heads")),
    )
    core = swin_core(
        width=width,
        depths=depths,
        heads=heads,
        up_depths=model.get("swin_decoder_depths", ()),
        up_heads=model.get("swin_decoder_num_heads", ()),
        window=model.get("swin_window_size", size.get("window")),
        mlp_ratio=model["swin_mlp_ratio"],
        bias=model["swin_qkv_bias"],
        drop_path=model["swin_drop_path_rate"],
        behaviour="published",
    )
    return core, kind


def _groups(variables: Mapping[str, Any] | None, levels: tuple[float, ...]) -> tuple[VariableGroup, ...]:
    if variables is None:
        return biocube_groups()
    missing = [key for key in VARIABLES.values() if not variables.get(key)]
    if missing:
        raise ConfigError(f"a published model has variables in every group, got none under {missing}")
    return tuple(
        variable_group(name, tuple(map(str, variables[key])), levels if name == "atmospheric" else ())
        for name, key in VARIABLES.items()
    )


def _adapter(model: Mapping[str, Any]) -> AdapterConfig | None:
    if not (model["use_lora"] or model["use_vera"]):
        return None
    return AdapterConfig(
        kind="lora" if model["use_lora"] else "vera",
        rank=model["peft_r"],
        alpha=float(model["lora_alpha"]),
        steps=model["peft_steps"],
        shared=model["peft_mode"] == "single",
        initial=model["d_initial"],
    )


def config_to_published(config: GridConfig) -> dict[str, Any]:
    """The published fields of a configuration that is a BioAnalyst model.

    Raises:
        ConfigError: names what the published format cannot say.
    """
    levels = next((group.levels for group in config.groups if group.levels), ())
    model: dict[str, Any] = {
        "atmos_levels": [int(level) if level == int(level) else level for level in levels],
        "species_num": next((len(g.variables) for g in config.groups if g.name == "species"), 0),
        "H": config.grid[0],
        "W": config.grid[1],
        "patch_size": config.patch,
        "embed_dim": config.width,
        "num_heads": config.perceiver.heads,
        "kv_heads": config.perceiver.groups,
        "head_dim": config.perceiver.head_width,
        "depth": config.perceiver.depth,
        "backbone_type": config.backbone,
    }
    model |= {"num_latent_tokens": config.tokens[0]} if config.backbone == "mvit" else _swin_fields(config)
    fields: dict[str, Any] = {"model": model}
    if config.groups != biocube_groups():
        fields["variables"] = {VARIABLES.get(g.name, f"{g.name}_vars"): list(g.variables) for g in config.groups}
    try:
        again = config_from_published(fields)
    except ConfigError as error:
        raise ConfigError(f"the published format cannot say this model: {error}; use model.save(folder)") from error
    lost = [name for name in vars(config) if name != "perceiver" and getattr(config, name) != getattr(again, name)]
    if lost:
        raise ConfigError(
            f"the published format describes BioAnalyst models with their published behaviour only and cannot say "
            f"{', '.join(lost)} of this model; use model.save(folder) instead"
        )
    return fields


def _swin_fields(config: GridConfig) -> dict[str, Any]:
    scales, first = config.core.scales, config.core.scales[0].down[0]
    fields: dict[str, Any] = {
        "swin_encoder_depths": [len(scale.down) for scale in scales],
        "swin_encoder_num_heads": [scale.down[0].attention.heads for scale in scales],
        "swin_decoder_depths": [len(scale.up) for scale in reversed(scales)],
        "swin_decoder_num_heads": [scale.up[0].attention.heads for scale in reversed(scales)],
        "swin_window_size": list(first.attention.window),
        "swin_mlp_ratio": first.hidden / scales[0].width,
        "swin_qkv_bias": first.attention.bias == "all",
        "swin_drop_path_rate": scales[-1].down[-1].drop_path,
    }
    if config.adapter is not None:
        adapter = config.adapter
        fields |= {"use_lora": adapter.kind == "lora", "use_vera": adapter.kind == "vera", "peft_r": adapter.rank}
        fields |= {"lora_alpha": adapter.alpha, "d_initial": adapter.initial, "peft_steps": adapter.steps}
        fields["peft_mode"] = "single" if adapter.shared else "all"
    return fields


def record_of_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The published configuration that released weights must have been made with; None for other weights.

    Heads are 64 wide and the grid is Europe's, as in every released configuration: shapes do not tell them.
    """
    head, place = 64, "encoder.perceiver_io.cross_attend_blocks.0.function"
    needed = (f"{place}.q_proj.weight", f"{place}.k_proj.weight", "encoder.vegetation_token_embeds.weight")
    if not all(key in shapes for key in needed):
        return None
    stages = len({key.split(".")[2] for key in shapes if key.startswith("backbone.encoder_layers.")})
    size = {2: "medium", 3: "large"}.get(stages, "medium")
    width, cells = shapes["encoder.vegetation_token_embeds.weight"]
    depth = len({key.split(".")[3] for key in shapes if key.startswith("encoder.perceiver_io.layers.")})
    return {
        "model": {
            "patch_size": math.isqrt(cells // 2),
            "embed_dim": width,
            "num_heads": shapes[needed[0]][0] // head,
            "kv_heads": shapes[needed[1]][0] // head,
            "depth": depth,
            "swin_backbone_size": size,
        }
    }
