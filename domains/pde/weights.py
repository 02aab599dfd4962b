"""Published Poseidon checkpoints, both ways and strictly.

`layout` lists, for a configuration, which published tensors each tensor of ours holds and in which arrangement;
reading, writing and the gradients of the parity tests all follow that one list.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from humboldt.foundations import (
    CheckpointError,
    Model,
    Normaliser,
    Release,
    TimeNorm,
    content_hash,
    read_config,
    read_pickled,
    read_weights,
    require_fit,
    write,
)

from .config import PDEConfig
from .domain import build
from .published import config_from_published, config_to_published, differences, is_published

RECOMPUTED = ("relative_coords_table", "relative_position_index")  # stored by some converters, computed here
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")  # of a batch norm
CONSTANTS = {"gamma": 1e-6, "logit_scale": math.log(10.0), "mask_token": 0.0, "position": 0.0}  # at the start

RELEASES = tuple(
    Release(
        repository=f"camlab-ethz/Poseidon-{size}",
        files=("config.json", "model.safetensors", "pytorch_model.bin"),
        layout="scOT: config.json and a state dict",
    )
    for size in "TBL"
)
"""The published checkpoints, as they are called on the hub."""


@dataclass(frozen=True)
class Entry:
    """One tensor of ours and the published tensors that it holds.

    Attributes:
        ours: its key in `model.state_dict()`.
        published: key, or keys of tensors that are stacked along a new first axis.
        shapes: einops pattern `published -> ours`; empty where both are alike.
        sizes: axis lengths that the pattern needs.
    """

    ours: str
    published: tuple[str, ...]
    shapes: str = ""
    sizes: tuple[tuple[str, int], ...] = ()

    def read(self, state: Mapping[str, Tensor]) -> Tensor:
        """Our tensor from published ones."""
        found = [state[key] for key in self.published]
        value = torch.stack(found) if len(found) > 1 else found[0]
        return rearrange(value, self.shapes, **dict(self.sizes)) if self.shapes else value

    def write(self, value: Tensor) -> dict[str, Tensor]:
        """Published tensors from ours."""
        if self.shapes:
            published, ours = self.shapes.split(" -> ")
            sizes = dict(self.sizes) | ({"three": 3} if "three" in published else {})
            value = rearrange(value, f"{ours} -> {published}", **sizes)
        parts = value.unbind() if len(self.published) > 1 else (value,)
        return dict(zip(self.published, parts, strict=True))


def layout(config: PDEConfig) -> Iterator[Entry]:
    """Every tensor of a scOT model except the normalisation statistics, which the published format does not have."""
    core, grid = config.core, (config.resolution or 0) // config.patch
    yield from _linear("embed.patches.projection", "embeddings.patch_embeddings.projection")
    yield from _norm("embed.norm", "embeddings.norm", core.condition)
    if config.mask_token:
        yield Entry("embed.mask_token", ("embeddings.mask_token",), "1 1 d -> d")
    if config.absolute_position:
        sizes = (("h", grid), ("w", grid))
        yield Entry("embed.position", ("embeddings.position_embeddings",), "1 (h w) d -> h w d", sizes)
    last = len(core.scales) - 1
    for i, scale in enumerate(core.scales):
        ours, encoder, decoder = f"core.scales.{i}", f"encoder.layers.{i}", f"decoder.layers.{last - i}"
        for j, block in enumerate(scale.down):
            bias = block.attention.bias != "none"
            yield from _block(f"{ours}.down.{j}", f"{encoder}.blocks.{j}", core.condition, bias)
            yield from _block(f"{ours}.up.{j}", f"{decoder}.blocks.{j}", core.condition, bias)
        for j in range(scale.skip):
            skip = _convnext if core.skip_kind == "convnext" else _resnet
            yield from skip(f"{ours}.skip.{j}", f"residual_blocks.{i}.{j}", core.condition)
        if i < last:
            up = f"decoder.layers.{last - i - 1}.upsample"
            yield from _between(ours, f"{encoder}.downsample", up, core.condition)
    yield from _linear("head.patches.projection", "patch_recovery.projection")
    yield Entry("head.mix.weight", ("patch_recovery.mixup.weight",))


def _linear(ours: str, published: str) -> Iterator[Entry]:
    for name in ("weight", "bias"):
        yield Entry(f"{ours}.{name}", (f"{published}.{name}",))


def _norm(ours: str, published: str, condition: int) -> Iterator[Entry]:
    if condition:
        yield from _linear(f"{ours}.scale", f"{published}.weight")
        yield from _linear(f"{ours}.shift", f"{published}.bias")
    else:
        yield from _linear(ours, published)


def _block(ours: str, published: str, condition: int, bias: bool) -> Iterator[Entry]:
    own, theirs = f"{ours}.attention", f"{published}.attention.self"
    qkv = tuple(f"{theirs}.{name}.weight" for name in ("query", "key", "value"))
    yield Entry(f"{own}.qkv.weight", qkv, "three o i -> (three o) i")
    if bias:
        yield Entry(f"{own}.qkv.query_bias", (f"{theirs}.query.bias",))
        yield Entry(f"{own}.qkv.value_bias", (f"{theirs}.value.bias",))
    yield Entry(f"{own}.logit_scale", (f"{theirs}.logit_scale",), "heads 1 1 -> heads")
    yield from _linear(f"{own}.position.hidden", f"{theirs}.continuous_position_bias_mlp.0")
    yield Entry(f"{own}.position.out.weight", (f"{theirs}.continuous_position_bias_mlp.2.weight",))
    yield from _linear(f"{own}.out", f"{published}.attention.output.dense")
    yield from _norm(f"{ours}.attention_norm", f"{published}.layernorm_before", condition)
    yield from _linear(f"{ours}.feed_forward.expand", f"{published}.intermediate.dense")
    yield from _linear(f"{ours}.feed_forward.contract", f"{published}.output.dense")
    yield from _norm(f"{ours}.feed_forward_norm", f"{published}.layernorm_after", condition)


def _convnext(ours: str, published: str, condition: int) -> Iterator[Entry]:
    yield Entry(f"{ours}.gamma", (f"{published}.weight",))
    yield from _linear(f"{ours}.depthwise", f"{published}.dwconv")
    yield from _norm(f"{ours}.norm", f"{published}.norm", condition)
    yield from _linear(f"{ours}.expand", f"{published}.pwconv1")
    yield from _linear(f"{ours}.contract", f"{published}.pwconv2")


def _resnet(ours: str, published: str, condition: int) -> Iterator[Entry]:
    for part in ("conv1", "bn1", "conv2", "bn2"):
        yield from _linear(f"{ours}.{part}", f"{published}.{part}")
        for buffer in BUFFERS if part.startswith("bn") else ():
            yield Entry(f"{ours}.{part}.{buffer}", (f"{published}.{part}.{buffer}",))


def _between(ours: str, down: str, up: str, condition: int) -> Iterator[Entry]:
    """Merging and splitting; published neighbours are merged column by column, ours row by row."""
    order, sizes = "o (wf hf d) -> o (hf wf d)", (("hf", 2), ("wf", 2))
    yield Entry(f"{ours}.merge.reduction.weight", (f"{down}.reduction.weight",), order, sizes)
    yield from _norm(f"{ours}.merge.norm", f"{down}.norm", condition)
    yield Entry(f"{ours}.split.expansion.weight", (f"{up}.upsample.weight",))
    yield from _norm(f"{ours}.split.norm", f"{up}.norm", condition)
    yield Entry(f"{ours}.split.mix.weight", (f"{up}.mixup.weight",))


def state_from_published(state: Mapping[str, Tensor], config: PDEConfig) -> dict[str, Tensor]:
    """Our state dict from a published one; fields enter and leave a published model already normalised."""
    ours = {entry.ours: entry.read(state) for entry in layout(config)}
    for part, channels in (("embed", config.inputs), ("head", config.outputs)):
        ours[f"{part}.normaliser.mean"] = torch.zeros(len(channels))
        ours[f"{part}.normaliser.std"] = torch.ones(len(channels))
    return ours


def state_to_published(state: Mapping[str, Tensor], config: PDEConfig) -> dict[str, Tensor]:
    """The published state dict of ours (or of a part of it, such as gradients)."""
    found: dict[str, Tensor] = {}
    for entry in layout(config):
        if entry.ours in state:
            found |= entry.write(state[entry.ours])
    return found


def model_from_published(fields: Mapping[str, Any], state: Mapping[str, Tensor]) -> Model:
    """A model from a parsed published `config.json` and state dict.

    Raises:
        CheckpointError: names missing, unexpected and misshapen tensors.
        ConfigError: a configuration that is not one of a scOT model.
    """
    state = {key: value for key, value in state.items() if not key.endswith(RECOMPUTED)}
    config = _configured(fields, "embeddings.mask_token" in state)
    with torch.device("meta"):
        model = build(config)
    require_fit(state, state_to_published(model.state_dict(), config))
    own = state_from_published(state, config)
    own = {key: value.float() if value.is_floating_point() else value for key, value in own.items()}
    model.load_state_dict(own, assign=True)
    model.provenance = {"published_config": dict(fields)}
    return model


def _configured(fields: Mapping[str, Any], mask_token: bool) -> PDEConfig:
    config = config_from_published(fields)
    return dataclasses.replace(config, mask_token=config.mask_token or mask_token)


def read_published(folder: str | os.PathLike[str]) -> Model:
    """A model from a folder in the published layout: `config.json` and `model.safetensors` or `pytorch_model.bin`.

    The model takes fields that are normalised as the published ones were, until its statistics are set.

    Raises:
        CheckpointError: missing, broken, pickled or misfitting files.
    """
    folder = Path(folder)
    pickled = folder / "pytorch_model.bin"
    fields = read_config(folder)
    if not is_published(fields):
        raise CheckpointError(f"{folder} does not hold a published scOT model; its config.json has {sorted(fields)}")
    safe = (folder / "model.safetensors").is_file() or not pickled.is_file()
    state = read_weights(folder) if safe else _read_pickled(pickled)
    model = model_from_published(fields, state)
    model.provenance["sha256"] = content_hash(folder / "model.safetensors" if safe else pickled)
    return model


def _read_pickled(path: Path) -> dict[str, Tensor]:
    """Tensors of a `pytorch_model.bin`, without running what else a pickle may hold."""
    state = read_pickled(path)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} must hold a state dict of tensors, got something else; fetch it again")
    return state


def write_published(model: Model, folder: str | os.PathLike[str]) -> Path:
    """Write `config.json` and `model.safetensors` as the published code reads them; returns the folder.

    A model that was read from such a folder is written with the same fields, keys, shapes and values.

    Raises:
        ConfigError: the configuration is not one of a scOT model.
        CheckpointError: the model normalises its fields, for which the published format has no place.
    """
    config = model.config
    statistics = [part for part in model.modules() if isinstance(part, Normaliser)]
    if any(bool(part.mean.any()) or bool((part.std - 1).any()) for part in statistics):
        raise CheckpointError(
            "the published format has no place for normalisation statistics, but this model has means other than 0 or "
            "deviations other than 1; use model.save(folder) instead"
        )
    fields = dict(model.provenance.get("published_config", {}))
    if not fields or any(differences(config, _configured(fields, config.mask_token))):
        fields |= config_to_published(config)
    return write(folder, state_to_published(model.state_dict(), config), lambda _: fields)


def published_initialisation(model: Model, std: float = 0.02) -> None:
    """Fresh weights as published models start (from the global random state).

    Linear maps and convolutions are normal with deviation `std` and zero biases, *also those that make the scale and
    shift of a conditioned norm*: every such norm starts near zero, and is zero at lead time 0. Transposed convolutions
    keep PyTorch's default. `initialise` starts norms as plain norms instead.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, std=std)
            for name, parameter in module.named_parameters(recurse=False):
                if "bias" in name:
                    nn.init.zeros_(parameter)
        elif isinstance(module, nn.ConvTranspose2d | nn.BatchNorm2d | TimeNorm):
            module.reset_parameters()  # a conditioned norm's linear maps come later and get their normal weights
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            leaf = name.rpartition(".")[2]
            if leaf in CONSTANTS:
                parameter.fill_(CONSTANTS[leaf])
