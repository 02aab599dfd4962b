"""An adapter on disk: `adapter.json` beside `adapter.safetensors`, which hold what a method changed and nothing else.

The JSON names the method with its options and the content hash of every weight that was left out: the adapter is for
these weights and is refused on others. Nothing is read but JSON and safetensors, and the hash of the tensors is
verified before one of them is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from humboldt.foundations import (
    CheckpointError,
    Model,
    content_hash,
    inside,
    read_files,
    read_json,
    require_finite,
    require_fit,
    to_dict,
    write_tensors,
)

from .adapted import M, added_parameters, plain_name
from .method import Method

FORMAT = "humboldt-adapter-1"
RECORD, TENSORS = "adapter.json", "adapter.safetensors"


def left_out(model: nn.Module) -> dict[str, Tensor]:
    """The frozen weights of the model that was adapted, under the names that they have in it."""
    added = {id(p) for p in added_parameters(model)}
    frozen = ((n, p) for n, p in model.named_parameters() if not p.requires_grad and id(p) not in added)
    return {plain_name(name): parameter for name, parameter in frozen}


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """What an adapter file holds of a prepared model: all tensors but the frozen weights."""
    frozen, state = left_out(model).keys(), model.state_dict().items()
    return {key: value for key, value in state if isinstance(value, Tensor) and plain_name(key) not in frozen}


def trunk_of(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a model that an adapter's file does not hold: what it was put on."""
    added = {id(p) for p in added_parameters(model)}
    own = ((plain_name(n), p) for n, p in model.named_parameters() if id(p) not in added)
    return {name: parameter for name, parameter in own if name not in state}


def base_hash(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names and values of weights."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def write_adapter(folder: str | Path, model: nn.Module, way: Method, base: str | None = None) -> Path:
    """Write what a method changed in a prepared model; returns the folder.

    Args:
        folder: made if missing; a failure leaves what was in it.
        model: prepared by `way` and trained, not merged; one of another make is no less welcome.
        way: the method.
        base: a name by which the base can be found again.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    folder = Path(folder)
    record = {
        "format": FORMAT,
        "domain": getattr(model, "domain", ""),
        "config": to_dict(model.config) if isinstance(model, Model) else {},
        "method": way.describe(),
        "base": {"name": base, "sha256": base_hash(left_out(model))},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            tensors, words = Path(scratch) / TENSORS, Path(scratch) / RECORD
            sha256 = write_tensors(adapter_state(model), tensors)
            words.write_text(json.dumps({**record, "sha256": sha256}, indent=1) + "\n")
            for path in (tensors, words):
                os.replace(path, folder / path.name)
    except OSError as error:
        raise CheckpointError(
            f"an adapter is written into a folder with room for it, but {folder} refused: {error}; choose another"
        ) from error
    return folder


def read_adapter(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record and the tensors of an adapter folder.

    Raises:
        CheckpointError: a file is missing, leads out of the folder or is not what the record promises, a record that is
            none, or tensors with NaN or infinity.
    """
    folder = Path(folder)
    for name in (RECORD, TENSORS):
        if not inside(folder, name).is_file():
            raise CheckpointError(f"an adapter folder holds {RECORD} and {TENSORS}, {folder} has no {name}")
    record = read_json(folder / RECORD)
    if not isinstance(record, dict):
        raise CheckpointError(f"{folder / RECORD} must be a JSON object, got {type(record).__name__}; fetch it again")
    if record.get("format") != FORMAT or not _is_told(record):
        raise CheckpointError(
            f"an adapter has the format {FORMAT} with its method, base and hash, got {record.get('format')!r} in "
            f"{folder}; write it anew with save_adapter"
        )
    if (found := content_hash(folder / TENSORS)) != record["sha256"]:
        raise CheckpointError(
            f"{folder / TENSORS} has SHA-256 {found[:16]}..., {RECORD} promises {record['sha256'][:16]}...: the file "
            "is truncated or was altered; fetch the adapter again"
        )
    state = read_files([folder / TENSORS])
    require_finite(state, folder / TENSORS)
    return record, state


def _is_told(record: Mapping[str, Any]) -> bool:
    """Whether a record says everything that reading an adapter needs, each in its type."""
    method, base = record.get("method"), record.get("base")
    return (
        isinstance(record.get("config"), dict)
        and isinstance(record.get("sha256"), str)
        and isinstance(method, dict)
        and isinstance(method.get("name"), str)
        and isinstance(base, dict)
        and isinstance(base.get("sha256"), str)
    )


def put_adapter(
    model: M, record: Mapping[str, Any], state: Mapping[str, Tensor], name: str = "default", *, force: bool = False
) -> M:
    """Give a model that its method has prepared, under this name, the tensors of an adapter.

    Raises:
        CheckpointError: the adapter is of another base (unless forced), or its tensors do not fit.
    """
    others = [f".{other}." for other in getattr(model, "adapted", {}) if other != name]
    expected = {key: value for key, value in adapter_state(model).items() if not any(o in key for o in others)}
    require_fit(state, expected)
    promised, found = record["base"]["sha256"], base_hash(left_out(model))
    if promised != found and not force:
        raise CheckpointError(
            f"an adapter fits the weights that it was trained on ({record['base'].get('name') or 'unnamed'}, "
            f"{promised[:16]}...), this model's are {found[:16]}...; load that base, or force it and score the result"
        )
    model.load_state_dict(dict(state), strict=False)
    return model
