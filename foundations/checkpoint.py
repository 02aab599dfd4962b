"""Weights on disk: `config.json` beside `model.safetensors`, written atomically, read strictly.

`config.json` names the format, the domain, the configuration, the provenance and the SHA-256 of the weights file; a
truncated or altered file is refused before a tensor is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .config import to_dict
from .contracts import Model

FORMAT = "humboldt-1"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
SETTINGS = "config.yaml"  # of published models that have no `config.json`


class CheckpointError(ValueError):
    """A checkpoint that cannot be trusted or does not fit; the message states rule, value and cure."""


def content_hash(*paths: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal; of several files that of their hashes, one a line."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode()).hexdigest()


def save(model: Model, folder: str | os.PathLike[str]) -> Path:
    """Write a model into `folder` (see `write`); returns the folder."""

    def record(sha256: str) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "domain": model.domain,
            "config": to_dict(model.config),
            "provenance": model.provenance,
            **({"adapted": model.adapted} if model.adapted else {}),
            "sha256": sha256,
        }

    return write(folder, model.state_dict(), record)


def write(
    folder: str | os.PathLike[str], state: Mapping[str, Tensor], record: Callable[[str], Mapping[str, Any]]
) -> Path:
    """Write tensors and what `record(SHA-256 of the weights file)` says of them; returns the folder.

    Both files are finished elsewhere before they take their places, so a failure leaves `folder` as it was. A kill
    between the two replacements leaves a pair that `read_weights` refuses by its hash.

    Raises:
        CheckpointError: the folder cannot be written, or the disk is full.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            weights, config = Path(scratch) / WEIGHTS, Path(scratch) / CONFIG
            save_file({k: v.detach().contiguous().clone() for k, v in state.items()}, weights, {"format": "pt"})
            config.write_text(json.dumps(record(content_hash(weights)), indent=1) + "\n")
            for path in (weights, config):
                _sync(path)
            for path in (weights, config):
                os.replace(path, folder / path.name)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"a checkpoint is written into a folder with room for it, but {folder} refused: {error}; what was there is "
            "unchanged; free some space or choose another folder"
        ) from error
    return folder


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The parsed `config.json` of a checkpoint folder; some published models have a `config.yaml` instead.

    Raises:
        CheckpointError: no folder, no file, or not JSON (YAML).
    """
    path = Path(folder) / CONFIG
    if not path.is_file() and (Path(folder) / SETTINGS).is_file():
        return _read_settings(Path(folder) / SETTINGS)
    if not path.is_file():
        raise CheckpointError(f"a checkpoint folder holds {CONFIG}, but {path} does not exist; check the path")
    try:
        return json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} must be JSON, but: {error}; fetch the checkpoint again") from error


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} must be YAML, but: {error}; fetch the checkpoint again") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} must hold settings by name, got {type(found).__name__}; fetch it again")
    return found


def weight_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The files that hold the weights of a checkpoint folder, ours or published.

    `model.safetensors`; else the shards that an index names; else every safetensors file; else every PyTorch file.

    Raises:
        CheckpointError: there are none, or the index names one that is not there.
    """
    folder = Path(folder)
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    for index in sorted(folder.glob("*.safetensors.index.json")):
        shards = [folder / name for name in sorted({*json.loads(index.read_text())["weight_map"].values()})]
        if absent := [path.name for path in shards if not path.is_file()]:
            raise CheckpointError(f"{index} names {absent}, which are not there; fetch the checkpoint again")
        return shards
    for pattern in ("*.safetensors", "*.pt", "*.pth", "*.bin"):
        if found := sorted(folder.glob(pattern)):
            return found
    raise CheckpointError(f"a checkpoint folder holds {WEIGHTS} or weights in a published format, {folder} has neither")


def read_weights(folder: str | os.PathLike[str], sha256: str | None = None) -> dict[str, Tensor]:
    """Tensors of `model.safetensors`; with `sha256` the file's content is checked first.

    Raises:
        CheckpointError: missing, truncated or altered file.
    """
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"weights are read from {WEIGHTS} (safetensors only), but {path} does not exist")
    if sha256 is not None and (found := content_hash(path)) != sha256:
        raise CheckpointError(
            f"{path} has SHA-256 {found[:16]}..., its config.json promises {sha256[:16]}...: the file is truncated or "
            "was altered; fetch the checkpoint again"
        )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); fetch it again") from error


def load_strictly(model: Model, state: Mapping[str, Tensor]) -> Model:
    """Put `state` into `model`, key for key and shape for shape.

    Raises:
        CheckpointError: names every missing, unexpected or misshapen tensor (the first five of each).
    """
    require_fit(state, model.state_dict())
    model.load_state_dict(dict(state), assign=any(p.is_meta for p in model.parameters()))
    return model


def require_fit(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of a model, key for key and shape for shape.

    Raises:
        CheckpointError: names every missing, unexpected or misshapen tensor (the first five of each).
    """
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    shapes = [
        f"{key}: {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
        for key in sorted(expected.keys() & state.keys())
        if state[key].shape != expected[key].shape
    ]
    if missing or extra or shapes:
        raise CheckpointError(
            f"weights must fit the model and its configuration exactly; missing {missing[:5]}, unexpected {extra[:5]}, "
            f"of another shape {shapes[:5]}; is it the checkpoint of another model?"
        )


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
