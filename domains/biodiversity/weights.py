"""Published BioAnalyst checkpoints, both ways and strictly."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from humboldt.foundations import (
    CheckpointError,
    ConfigError,
    Model,
    Normaliser,
    Release,
    content_hash,
    header,
    read_config,
    read_files,
    read_weights,
    require_fit,
    write,
)

from .config import GridConfig
from .domain import build
from .published import config_from_published, config_to_published, is_published, record_of_weights
from .published_tensors import state_from_published, state_to_published
from .variables import statistics

RELEASES = (
    Release(
        repository="BioDT/bfm-pretrained",
        files=("config.json", "bfm-pretrained-small.safetensors"),
        layout="a state dict whose shapes tell the configuration",
    ),
)
"""The published checkpoints, as they are called on the hub."""


def model_from_published(fields: Mapping[str, Any], state: Mapping[str, Tensor]) -> Model:
    """A model from a parsed published configuration and state dict.

    With the released variables it takes physical units, by the statistics of its training data; with others it takes
    fields that are scaled as its training data were, until its statistics are set. The published adapters of kind VeRA
    lack the random matrices that they were trained with, so these are drawn anew, from seed 0.

    Raises:
        CheckpointError: names missing, unexpected and misshapen tensors.
        ConfigError: a configuration that is not one of a BioAnalyst model.
    """
    config = config_from_published(fields)
    with torch.device("meta"):
        model = build(config)
        expected = state_to_published(model.state_dict(), config)
    require_fit(state, expected)
    own = {key: value.float() for key, value in state_from_published(state, config).items()}
    own |= _without_published_form(model, config)
    model.load_state_dict(own, strict=True, assign=True)
    model.provenance = {"published_config": dict(fields)}
    return model


def _without_published_form(model: Model, config: GridConfig) -> dict[str, Tensor]:
    """Statistics, and the fixed matrices of VeRA."""
    found: dict[str, Tensor] = {}
    shift, scale = biocube_scaling(config)
    for part in ("embed", "head"):
        found |= {f"{part}.normaliser.mean": shift.clone(), f"{part}.normaliser.std": scale.clone()}
    generator = torch.Generator().manual_seed(0)
    for key, value in model.state_dict().items():
        if key.endswith((".a", ".b")) and config.adapter is not None and config.adapter.kind == "vera":
            bound = 1 / math.sqrt(value.shape[1])
            found[key] = torch.empty(value.shape).uniform_(-bound, bound, generator=generator)
    return found


def biocube_scaling(config: GridConfig) -> tuple[Tensor, Tensor]:
    """Smallest value and range of each channel in the published training data; 0 and 1 unless they are the released."""
    known = {(group, variable, level): values for group, variable, level, values in statistics()}
    keys = [(g.name, variable, i) for g in config.groups for variable in g.variables for i in range(g.tokens)]
    if set(keys) != set(known):
        return torch.zeros(len(keys)), torch.ones(len(keys))
    low = torch.tensor([known[key]["min"] for key in keys], dtype=torch.float64)
    high = torch.tensor([known[key]["max"] for key in keys], dtype=torch.float64)
    return low.float(), (high - low).float()


def published_record(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The configuration of a folder of released weights that has no `config.json`; None where there are none."""
    path = weights_file(folder)
    if path is None:
        return None
    return record_of_weights({key: tuple(entry["shape"]) for key, entry in header(path).items()})


def weights_file(folder: str | os.PathLike[str]) -> Path | None:
    """`model.safetensors`, or the only file of its kind in the folder."""
    folder = Path(folder)
    found = sorted(folder.glob("*.safetensors"))
    usual = folder / "model.safetensors"
    return usual if usual in found else found[0] if len(found) == 1 else None


def read_published(folder: str | os.PathLike[str]) -> Model:
    """A model from a folder with released weights, and a `config.json` unless the configuration is a released one.

    Raises:
        CheckpointError: missing, broken or misfitting files.
    """
    folder = Path(folder)
    has_config = (folder / "config.json").is_file()
    fields = read_config(folder) if has_config else published_record(folder)
    if fields is None or not is_published(fields):
        raise CheckpointError(f"{folder} does not hold a published BioAnalyst model; check the path")
    path = weights_file(folder)
    state = read_weights(folder) if path is None or path.name == "model.safetensors" else read_files([path])
    model = model_from_published(fields, state)
    if path is not None:
        model.provenance["sha256"] = content_hash(path)
    return model


def write_published(model: Model, folder: str | os.PathLike[str]) -> Path:
    """Write `config.json` and `model.safetensors` with published keys; returns the folder.

    A model that was read from such a folder is written with the same fields, keys, shapes and values.

    Raises:
        ConfigError: the configuration is not one of a BioAnalyst model with published behaviour.
        CheckpointError: statistics other than the published ones, for which the format has no place.
    """
    config = model.config
    expected = biocube_scaling(config)
    for part in model.modules():
        if isinstance(part, Normaliser) and not all(
            torch.equal(own.cpu(), known) for own, known in zip((part.mean, part.std), expected, strict=True)
        ):
            raise CheckpointError(
                "the published format has no place for normalisation statistics, but this model has some of its own; "
                "use model.save(folder) instead"
            )
    fields = dict(model.provenance.get("published_config", {}))
    try:
        kept = bool(fields) and config_from_published(fields) == config
    except ConfigError:
        kept = False
    if not kept:
        fields = config_to_published(config)
    return write(folder, state_to_published(model.state_dict(), config), lambda _: fields)
