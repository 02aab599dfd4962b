"""Published Prithvi WxC checkpoints, both ways and strictly.

`layout` lists, for a configuration, which published tensor each tensor of ours holds and in which arrangement; reading,
writing and the gradients of the parity tests all follow that one list.

A checkpoint is mapped into memory and its tensors become those of the model; rows that stand in another order here are
reordered where they lie. So the weights are read once and held once, and an optimiser's state beside them is not read.
The file must not be changed in place while the model lives; writing never does that.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from einops import rearrange
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from humboldt.foundations import (
    CheckpointError,
    CoreConfig,
    Model,
    Release,
    content_hash,
    read_config,
    read_files,
    read_pickled,
    require_fit,
    weight_files,
)

from .config import WeatherConfig
from .domain import build
from .published import config_from_published, config_to_published, is_published

QKV = "(heads three e) d -> (three heads e) d"
MASKS = ("decoder_shifter", "decoder.lgl_block.shifter")  # the same two masks under both names; nothing uses them
WEIGHTS = "prithvi.wxc.2300m.v1.pt"
RELEASES = tuple(
    Release(
        repository=f"ibm-nasa-geospatial/{repository}",
        files=("config.yaml", "config.json", weights, "*.safetensors", "*.safetensors.index.json"),
        layout="config.yaml and model_state in a PyTorch file",
    )
    for repository, weights in (
        ("Prithvi-WxC-1.0-2300M", WEIGHTS),
        ("Prithvi-WxC-1.0-2300M-rollout", "prithvi.wxc.rollout.2300m.v1.pt"),
    )
)
"""The published checkpoints, as they are called on the hub."""


@dataclass(frozen=True)
class Entry:
    """One tensor of ours and the published tensor that it holds.

    Attributes:
        ours: its key in `model.state_dict()`.
        published: its published key.
        shapes: einops pattern `published -> ours`; empty where both are alike.
        heads: number of heads, where the pattern names them.
    """

    ours: str
    published: str
    shapes: str = ""
    heads: int = 0

    def read(self, value: Tensor, take_over: bool) -> Tensor:
        """Our tensor from the published one; with `take_over` rows are reordered in its own memory."""
        found = self._rearranged(value, self.shapes)
        return value.copy_(found) if take_over and self.heads else found

    def write(self, value: Tensor) -> Tensor:
        """The published tensor from ours."""
        published, _, ours = self.shapes.partition(" -> ")
        return self._rearranged(value, f"{ours} -> {published}" if ours else "")

    def _rearranged(self, value: Tensor, shapes: str) -> Tensor:
        sizes = {"heads": self.heads, "three": 3} if self.heads else {}
        return rearrange(value, shapes, **sizes) if shapes else value


def layout(config: WeatherConfig) -> Iterator[Entry]:
    """Every tensor of a Prithvi WxC model but those that follow from others."""
    yield Entry("embed.normaliser.mean", "input_scalers_mu", "1 1 c 1 1 -> c")
    yield Entry("embed.normaliser.std", "input_scalers_sigma", "1 1 c 1 1 -> c")
    yield Entry("embed.context.normaliser.mean", "static_input_scalers_mu", "1 c 1 1 -> c")
    yield Entry("embed.context.normaliser.std", "static_input_scalers_sigma", "1 c 1 1 -> c")
    yield Entry("head.normaliser.std", "output_scalers", "1 c 1 1 -> c")
    yield Entry("head.mask_token", "mask_token", "1 1 1 d -> d")
    yield from _linear("embed.patches.projection", "patch_embedding.proj")
    yield from _linear("embed.context.patches.projection", "patch_embedding_static.proj")
    yield from _linear("embed.time.input_time", "input_time_embedding")
    yield from _linear("embed.time.lead_time", "lead_time_embedding")
    yield from _stack("core", "encoder", config.core)
    yield from _stack("head.decoder", "decoder", config.decoder)
    yield from _linear("head.unembed", "unembed")


def _linear(ours: str, published: str) -> Iterator[Entry]:
    for name in ("weight", "bias"):
        yield Entry(f"{ours}.{name}", f"{published}.{name}")


def _stack(ours: str, published: str, core: CoreConfig) -> Iterator[Entry]:
    for i, block in enumerate(core.scales[0].down):
        own, theirs = f"{ours}.scales.0.down.{i}", f"{published}.lgl_block.transformers.{i}"
        yield from _linear(f"{own}.attention_norm", f"{theirs}.attention.0")
        qkv = f"{theirs}.attention.1.qkv_layer.weight"
        yield Entry(f"{own}.attention.qkv.weight", qkv, QKV, block.attention.heads)
        yield Entry(f"{own}.attention.out.weight", f"{theirs}.attention.1.w_layer.weight")
        yield from _linear(f"{own}.feed_forward_norm", f"{theirs}.ff.0")
        yield from _linear(f"{own}.feed_forward.expand", f"{theirs}.ff.1.net.0")
        yield from _linear(f"{own}.feed_forward.contract", f"{theirs}.ff.1.net.3")


def shift_masks(config: WeatherConfig) -> dict[str, Tensor]:
    """The four mask buffers of a published checkpoint with a shifting decoder: kept for its sake, used by nobody."""
    if config.grid is None or not any(b.attention.shifted for b in config.decoder.scales[0].down):
        return {}
    units = config.units(config.grid)
    (count, slots), columns, strip = units.grid, units.count[1], units.size[1] // 2 * units.size[0]
    local = torch.ones(count, 1, slots, slots, dtype=torch.bool)
    local[:columns, :, :strip, :strip] = False
    across = torch.ones(slots, 1, count, count, dtype=torch.bool)
    across[:strip, :, :columns, :columns] = False
    return {
        f"{place}.{name}": mask for place in MASKS for name, mask in (("local_mask", local), ("global_mask", across))
    }


def state_from_published(
    state: Mapping[str, Tensor], config: WeatherConfig, *, take_over: bool = False
) -> dict[str, Tensor]:
    """Our state dict from a published one, in float32; with `take_over` in the memory of the published one."""
    ours = {entry.ours: entry.read(state[entry.published].float(), take_over) for entry in layout(config)}
    ours["head.normaliser.mean"] = ours["embed.normaliser.mean"].clone()
    return ours


def state_to_published(state: Mapping[str, Tensor], config: WeatherConfig) -> dict[str, Tensor]:
    """The published tensors of our state dict (or of a part of it, such as gradients), without the mask buffers."""
    return {e.published: e.write(state[e.ours]) for e in layout(config) if e.ours in state}


def published_state(model: Model) -> dict[str, Tensor]:
    """The complete published state dict of a model."""
    return state_to_published(model.state_dict(), model.config) | shift_masks(model.config)


def model_from_published(fields: Mapping[str, Any], state: Mapping[str, Tensor], *, take_over: bool = False) -> Model:
    """A model from parsed published settings and a state dict (under `model_state`, or plain).

    Args:
        fields: what `config.yaml` holds.
        state: published tensors.
        take_over: the model may keep and reorder the tensors of `state`, which saves a copy of them.

    Raises:
        CheckpointError: names missing, unexpected and misshapen tensors, and mask buffers with another content.
        ConfigError: settings that are not those of a Prithvi WxC model.
    """
    config = config_from_published(fields)
    with torch.device("meta"):
        model = build(config)
        shapes = state_to_published(model.state_dict(), config)
    masks = shift_masks(config)
    require_fit(state, {**shapes, **masks})
    for name, mask in masks.items():
        if not torch.equal(state[name].cpu(), mask):
            raise CheckpointError(
                f"{name} follows from the size of the grid and its units, but this one has another content; was the "
                "file altered, or written for another grid?"
            )
    model.load_state_dict(state_from_published(state, config, take_over=take_over), assign=True)
    model.provenance = {"published_config": dict(fields)}
    return model


def read_published(folder: str | os.PathLike[str]) -> Model:
    """A model from a folder in the published layout: `config.yaml`, and weights as `.pt` or as (sharded) safetensors.

    Peak memory is that of the weights and of their largest tensor.

    Raises:
        CheckpointError: missing, broken, pickled or misfitting files.
    """
    fields = read_config(folder)
    if not is_published(fields):
        raise CheckpointError(
            f"{folder} does not hold a published Prithvi WxC model; its settings are {sorted(fields)}"
        )
    files = weight_files(folder)
    model = model_from_published(fields, read_state(files), take_over=True)
    model.provenance["sha256"] = content_hash(*files)
    return model


def read_state(files: list[Path]) -> dict[str, Tensor]:
    """The tensors of one or several files, mapped into memory.

    Raises:
        CheckpointError: a broken file, a pickle that holds more than tensors, or a tensor that is there twice.
    """
    safe = [path for path in files if path.suffix == ".safetensors"]
    state = read_files(safe)
    for path in files:
        part = {} if path in safe else _read_pickled(path)
        if twice := sorted(state.keys() & part.keys()):
            raise CheckpointError(
                f"the files of a checkpoint hold each tensor once, but {path} repeats {twice[:3]}; keep the files of "
                "one checkpoint in a folder"
            )
        state |= part
    return state


def _read_pickled(path: Path) -> dict[str, Tensor]:
    """Tensors of a `.pt` file, without running what else a pickle may hold."""
    found = read_pickled(path)
    state = found.get("model_state", found) if isinstance(found, dict) else found
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} must hold a state dict of tensors, plain or under 'model_state'; fetch it again")
    return dict(state)


def write_published(
    model: Model, folder: str | os.PathLike[str], name: str = WEIGHTS, *, shard: int | None = None
) -> Path:
    """Write `config.yaml` and the weights as the published code reads them; returns the folder.

    A model that was read from such a folder is written with the same settings, keys, shapes and values.

    Args:
        name: of the weights file; one that ends in `.safetensors` converts a pickle to the safer format.
        shard: largest number of bytes in a file (safetensors only); an index tells which tensor is where.

    Raises:
        ConfigError: the configuration is not one of Prithvi WxC.
        CheckpointError: the folder cannot be written, or the disk is full.
    """
    fields = dict(model.provenance.get("published_config", {}))
    if not fields or config_from_published(fields) != model.config:
        fields = {"params": config_to_published(model.config)}
    state = {key: value.detach().cpu().contiguous() for key, value in published_state(model).items()}
    if shard is not None and not name.endswith(".safetensors"):
        raise CheckpointError(f"only safetensors are written in shards, got name={name!r}; end it in .safetensors")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            aside = Path(scratch)
            _write_weights(state, aside, name, shard)
            (aside / "config.yaml").write_text(yaml.safe_dump(fields, sort_keys=False))
            for path in sorted(aside.iterdir()):
                os.replace(path, folder / path.name)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"a checkpoint is written into a folder with room for it, but {folder} refused: {error}; free some space "
            "or choose another folder"
        ) from error
    return folder


def _write_weights(state: dict[str, Tensor], folder: Path, name: str, shard: int | None) -> None:
    if not name.endswith(".safetensors"):
        torch.save({"model_state": state}, folder / name)
        return
    state = {key: value.clone() if value.dtype == torch.bool else value for key, value in state.items()}
    if shard is None:
        save_file(state, folder / name, {"format": "pt"})
        return
    parts: list[dict[str, Tensor]] = [{}]
    for key, value in state.items():
        if parts[-1] and sum(v.nbytes for v in parts[-1].values()) + value.nbytes > shard:
            parts.append({})
        parts[-1][key] = value
    stem, places = name.removesuffix(".safetensors"), dict[str, str]()
    for number, part in enumerate(parts, 1):
        file = f"{stem}-{number:05d}-of-{len(parts):05d}.safetensors"
        save_file(part, folder / file, {"format": "pt"})
        places |= dict.fromkeys(part, file)
    total = sum(value.nbytes for value in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / f"{name}.index.json").write_text(json.dumps(index, indent=1) + "\n")
