"""Weights on disk: `config.json` beside `model.safetensors`, written atomically, read strictly.

`config.json` names the format, the version that wrote it, the domain, the configuration (variables, units, grid), the
provenance and the SHA-256 of the weights; a truncated or altered file is refused before a tensor is used. Above 5 GB
the weights are several files with an index.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from .config import to_dict
from .contracts import Model
from .migrations import FORMAT, migrated
from .settings import load_settings
from .shards import INDEX, WEIGHTS, read_files, shards, write_weights
from .tensor_file import LARGEST_JSON, CheckpointError, inside, is_number, read_json

CONFIG = "config.json"
SETTINGS = "config.yaml"  # of published models that have no `config.json`


def content_hash(*paths: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal; of several files that of their hashes, one a line."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return _joined(found)


def _joined(hashes: list[str]) -> str:
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def save(model: Model, folder: str | os.PathLike[str]) -> Path:
    """Write a model into `folder` (see `write`); returns the folder.

    Raises:
        CheckpointError: the folder cannot be written, or a part was made of examples and no configuration builds it.
    """
    if kept := [name for name, part in model.named_modules() if getattr(part, "of_examples", False)]:
        raise CheckpointError(
            f"a checkpoint holds what its configuration builds, got {kept[0]}, which was made of examples; save the "
            "model without it, and give it the examples again (with_cache) when it is read"
        )

    def record(sha256: str) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "library": importlib.metadata.version("humboldt"),
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
    """Write tensors and what `record(SHA-256 of the weights)` says of them; returns the folder.

    All files are finished elsewhere before they take their places, so a failure leaves `folder` as it was. A kill
    between two replacements leaves files that `read_weights` refuses by their hash.

    Raises:
        CheckpointError: the folder cannot be written, or the disk is full.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            files = write_weights(Path(scratch), state)
            config = Path(scratch) / CONFIG
            sha256 = _joined([found for found in files.values() if found])
            config.write_text(json.dumps(record(sha256), indent=1) + "\n")
            for path in (config, *(path for path, found in files.items() if not found)):
                _sync(path)
            for path in files:
                os.replace(path, folder / path.name)
            _remove_others(folder, {path.name for path in files})
            os.replace(config, folder / CONFIG)
    except OSError as error:
        raise CheckpointError(
            f"a checkpoint is written into a folder with room for it, but {folder} refused: {error}; what was there is "
            "unchanged; free some space or choose another folder"
        ) from error
    return folder


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The parsed `config.json` of a checkpoint folder, in the present format (see `migrations`).

    Some published models have a `config.yaml` instead.

    Raises:
        CheckpointError: no folder, no file, not JSON (YAML), a key that is there twice, or a format of the future.
    """
    folder = Path(folder)
    path = inside(folder, CONFIG)
    if not path.is_file() and inside(folder, SETTINGS).is_file():
        return _read_settings(folder / SETTINGS)
    if not path.is_file():
        raise CheckpointError(f"a checkpoint folder holds {CONFIG}, but {path} does not exist; check the path")
    found = read_json(path)
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} must hold settings by name, got {type(found).__name__}; fetch it again")
    return migrated(found)


def _read_settings(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_JSON:
        raise CheckpointError(f"{path} may have {LARGEST_JSON} bytes, got {path.stat().st_size}; is it another file?")
    try:
        found = load_settings(path.read_text())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
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
    if inside(folder, WEIGHTS).is_file():
        return [folder / WEIGHTS]
    for index in sorted(folder.glob("*.safetensors.index.json")):
        return shards(index)
    for pattern in ("*.safetensors", "*.pt", "*.pth", "*.bin"):
        if found := sorted(folder.glob(pattern)):
            return [inside(folder, path.name) for path in found]
    raise CheckpointError(f"a checkpoint folder holds {WEIGHTS} or weights in a published format, {folder} has neither")


def read_weights(folder: str | os.PathLike[str], sha256: object = None) -> dict[str, Tensor]:
    """Tensors of `model.safetensors`, or of its shards; with `sha256` the content of the files is checked first.

    Raises:
        CheckpointError: missing, truncated or altered file.
    """
    path, index = inside(Path(folder), WEIGHTS), Path(folder) / INDEX
    if not path.is_file() and not index.is_file():
        raise CheckpointError(
            f"weights are read from {WEIGHTS} (safetensors only), but {path} does not exist; fetch the "
            "checkpoint again, or write it with Model.save"
        )
    files = [path] if path.is_file() else shards(index)
    if sha256 is not None and (found := content_hash(*files)) != sha256:
        raise CheckpointError(
            f"{path} has SHA-256 {found[:16]}..., its config.json promises {str(sha256)[:16]}...: the file is "
            "truncated or was altered; fetch the checkpoint again"
        )
    return read_files(files)


def load_strictly(model: Model, state: Mapping[str, Tensor]) -> Model:
    """Put `state` into `model`, key for key and shape for shape.

    Raises:
        CheckpointError: names every missing, unexpected or misshapen tensor (the first five of each).
    """
    require_fit(state, model.state_dict())
    model.load_state_dict(dict(state), assign=any(p.is_meta for p in model.parameters()))
    return model


def require_fit(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of a model, key for key and shape for shape; any usual float for a float.

    Raises:
        CheckpointError: names every missing, unexpected, misshapen or mistyped tensor (the first five of each).
    """
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    shapes = [
        f"{key}: {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
        for key in sorted(expected.keys() & state.keys())
        if state[key].shape != expected[key].shape
    ]
    types = [
        f"{key}: {state[key].dtype} for {expected[key].dtype}"
        for key in sorted(expected.keys() & state.keys())
        if not (is_number(state[key].dtype) and is_number(expected[key].dtype))
        and state[key].dtype != expected[key].dtype
    ]
    if missing or extra or shapes or types:
        raise CheckpointError(
            f"weights must fit the model and its configuration exactly; missing {missing[:5]}, unexpected {extra[:5]}, "
            f"of another shape {shapes[:5]}{f', of another type {types[:5]}' if types else ''}; is it the checkpoint "
            "of another model?"
        )


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Weights of an earlier checkpoint that was cut in another way."""
    for path in (folder / WEIGHTS, folder / INDEX, *folder.glob("model-?????-of-?????.safetensors")):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
