"""Published G2PT checkpoints in both their layouts, both ways and strictly.

`layout` lists which published tensor each tensor of ours is. The hub layout is that of GPT-2: linear weights stand as
(in, out), and every linear map and norm has a bias.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from humboldt.foundations import (
    CheckpointError,
    Model,
    Release,
    content_hash,
    read_config,
    read_pickled,
    read_weights,
    require_fit,
    write,
)

from .config import GraphConfig
from .domain import build
from .published import config_from_published, config_to_published, is_hub
from .vocabulary import Vocabulary

TRAINING = "ckpt.pt"
PICKLED = "pytorch_model.bin"
COMPILED = "_orig_mod."  # before keys of a model that was compiled
MASKS = re.compile(r"\.attn\.(masked_)?bias$")  # constants that some writers store
LINEAR = {"attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj"}
LINEAR |= {"feed_forward.expand": "mlp.c_fc", "feed_forward.contract": "mlp.c_proj"}
NORMS = {"attention_norm": "ln_1", "feed_forward_norm": "ln_2"}
RELEASES = tuple(
    Release(
        repository=f"xchen16/g2pt-{data}-{size}-{order}",
        files=("config.json", "model.safetensors", "model.safetensors.index.json", PICKLED, TRAINING),
        layout="GPT-2: config.json and a state dict, or a training checkpoint",
    )
    for data, sizes in (
        ("qm9", ("small",)),
        ("moses", ("small", "base", "large")),
        ("guacamol", ("small", "base", "large")),
    )
    for size in sizes
    for order in ("bfs", "deg")
)
"""The published checkpoints, as they are called on the hub."""


def layout(config: GraphConfig) -> Iterator[tuple[str, str, bool]]:
    """(key of ours, published key, whether the hub layout transposes it) of every tensor."""
    kinds = ("weight", "bias") if config.core.bias else ("weight",)
    yield "embed.token.weight", "transformer.wte.weight", False
    yield "embed.position.weight", "transformer.wpe.weight", False
    for i in range(len(config.core.scales[0].down)):
        for kind in kinds:
            for ours, theirs in (LINEAR | NORMS).items():
                turned = ours in LINEAR and kind == "weight"
                yield f"core.scales.0.down.{i}.{ours}.{kind}", f"transformer.h.{i}.{theirs}.{kind}", turned
    for kind in kinds:
        yield f"core.norm.{kind}", f"transformer.ln_f.{kind}", False


def state_to_published(state: Mapping[str, Tensor], config: GraphConfig, hub: bool = False) -> dict[str, Tensor]:
    """The published state dict of ours (or of a part of it, such as gradients)."""
    return {
        theirs: state[ours].mT if hub and turned else state[ours]
        for ours, theirs, turned in layout(config)
        if ours in state
    }


def state_from_published(state: Mapping[str, Tensor], config: GraphConfig, hub: bool = False) -> dict[str, Tensor]:
    """Our state dict from a published one."""
    return {ours: state[theirs].mT if hub and turned else state[theirs] for ours, theirs, turned in layout(config)}


def model_from_published(
    fields: Mapping[str, Any], state: Mapping[str, Tensor], vocabulary: Vocabulary | None = None
) -> Model:
    """A model from published fields and a state dict in either layout, which is told by the shapes.

    Raises:
        CheckpointError: names missing, unexpected and misshapen tensors.
        ConfigError: fields that are not those of a published model.
    """
    state = _plain(state)
    hub = _is_hub_layout(fields, state)
    bias = "transformer.ln_f.bias" in state
    config = config_from_published(fields, hub=hub, bias=bias, vocabulary=vocabulary)
    with torch.device("meta"):
        model = build(config)
    require_fit(state, state_to_published(model.state_dict(), config, hub))
    read = state_from_published(state, config, hub)
    own = {key: (value.float() if value.itemsize < 4 else value).contiguous() for key, value in read.items()}
    model.load_state_dict(own, assign=True)
    model.provenance = {"published_config": dict(fields), "published_layout": "hub" if hub else "training"}
    return model


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without prefixes of compiled models, constant masks, and the head if it is the embedding."""
    found = {key.removeprefix(COMPILED): value for key, value in state.items()}
    found = {key: value for key, value in found.items() if not MASKS.search(key)}
    head, table = found.pop("lm_head.weight", None), found.get("transformer.wte.weight")
    if head is not None and (table is None or not torch.equal(head, table)):
        raise CheckpointError("the head of a published model is its embedding, but lm_head.weight differs from it")
    return found


def _is_hub_layout(fields: Mapping[str, Any], state: Mapping[str, Tensor]) -> bool:
    weight, width = state.get("transformer.h.0.mlp.c_fc.weight"), fields.get("n_embd")
    return weight.shape[0] == width if weight is not None and weight.dim() == 2 else is_hub(fields)


def published_record(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """What says that a folder without `config.json` holds a training checkpoint; None where it does not."""
    return {"domain": "graphs", "checkpoint": TRAINING} if (Path(folder) / TRAINING).is_file() else None


def read_published(folder: str | os.PathLike[str], vocabulary: Vocabulary | None = None) -> Model:
    """A model from a published folder: `ckpt.pt` of a training run, or `config.json` with weights in hub layout.

    The edge order is not written in the files; it is taken from the folder's path (`g2pt-moses-small-deg`), else bfs.

    Raises:
        CheckpointError: missing, broken, pickled or misfitting files.
        ConfigError: a vocabulary that cannot be told from the files.
    """
    folder = Path(folder)
    order = re.search(r"-(bfs|deg)\b", str(folder))
    told = {"order": order[1]} if order else {}
    safe, pickled, training = folder / "model.safetensors", folder / PICKLED, folder / TRAINING
    if training.is_file() and not (folder / "config.json").is_file():
        found = _read_torch(training)
        if not {"model", "model_args"} <= found.keys():
            raise CheckpointError(f"{training} must hold model and model_args, got {sorted(found)}")
        fields = _told_by_training(found)
        model, path = model_from_published(told | fields, found["model"], vocabulary), training
    else:
        fields = read_config(folder)
        path = safe if safe.is_file() or not pickled.is_file() else pickled
        state = read_weights(folder) if path is safe else _read_torch(path)
        model = model_from_published(told | fields, state, vocabulary)
    model.provenance |= {"published_config": fields, "sha256": content_hash(path)}
    return model


def _told_by_training(found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a model in a training checkpoint, with what its run says about the data."""
    run = found.get("config") or {}
    more = {key: run[key] for key in ("dataset",) if isinstance(run, Mapping) and key in run}
    return more | dict(found["model_args"])


def _read_torch(path: Path) -> dict[str, Any]:
    """What a PyTorch file holds, without running what else a pickle may hold."""
    found = read_pickled(path)
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} must hold a dictionary, got a {type(found).__name__}; fetch it again")
    return found


def write_published(model: Model, folder: str | os.PathLike[str], hub: bool | None = None) -> Path:
    """Write a model as the published code reads it; returns the folder.

    With `hub` it is `config.json` and `model.safetensors` in hub layout (a model without biases gets zeros), else
    `ckpt.pt`; a model that was read from published files is written in their layout, with the same fields.

    Raises:
        ConfigError: the published formats cannot say its configuration.
        CheckpointError: the folder cannot be written.
    """
    if hub is None:
        hub = model.provenance.get("published_layout", "hub") == "hub"
    config, state = model.config, model.state_dict()
    fields = dict(model.provenance.get("published_config", {}))
    same = model.provenance.get("published_layout") == ("hub" if hub else "training")
    if not fields or not same or _differs(fields, config, hub):
        fields = config_to_published(config, hub)
    published = state_to_published(state, config, hub)
    if hub:
        return write(folder, published if config.core.bias else _with_zero_biases(published), lambda _: fields)
    return _write_training(Path(folder), published, fields)


def _differs(fields: Mapping[str, Any], config: GraphConfig, hub: bool) -> bool:
    again = config_from_published(fields, hub=hub, bias=config.core.bias, vocabulary=config.vocabulary)
    return (again.core, again.length, again.rows) != (config.core, config.length, config.rows)


def _with_zero_biases(state: dict[str, Tensor]) -> dict[str, Tensor]:
    found = dict(state)
    for key, value in state.items():
        if not key.endswith(("wte.weight", "wpe.weight")):
            found[key.removesuffix("weight") + "bias"] = value.new_zeros(value.shape[-1])
    return found


def _write_training(folder: Path, state: dict[str, Tensor], fields: dict[str, Any]) -> Path:
    """`ckpt.pt`, finished elsewhere before it takes its place."""
    whole = {key: value.detach().contiguous().clone() for key, value in state.items()}
    whole["lm_head.weight"] = whole["transformer.wte.weight"]
    record: dict[str, Any] = {"model": whole, "model_args": fields}
    record |= {"optimizer": {}, "iter_num": 0, "best_val_loss": float("inf"), "config": {}}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            aside = Path(scratch) / TRAINING
            torch.save(record, aside)
            os.replace(aside, folder / TRAINING)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f"a checkpoint is written into a folder with room for it, but: {error}") from error
    return folder
