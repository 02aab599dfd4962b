"""How long, how fast and in what numbers to train: a frozen value, its YAML and its words on the command line."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from humboldt.foundations import ConfigError, from_dict, load_settings, to_dict


def _field(default: Any, unit: str, help: str) -> Any:
    return field(default=default, metadata={"unit": unit, "help": help})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the course of a training run besides model, method and data.

    The defaults are the published fine-tuning of Poseidon (arXiv 2405.19101) with a budget in steps.
    """

    steps: int = _field(400, "optimiser steps", "length of the run")
    epochs: float | None = _field(None, "passes over the data", "length of the run; takes the place of steps")
    batch_size: int = _field(8, "samples", "samples per batch")
    accumulate: int = _field(1, "batches", "batches whose gradients make one step")
    optimiser: Literal["adamw", "muon", "cma"] = _field("adamw", "name", "muon: orthogonal steps; cma: no gradients")
    core_rate: float = _field(5e-5, "per step", "highest learning rate of the core")
    embedding_rate: float = _field(5e-4, "per step", "highest learning rate of the embedding and the head")
    norm_rate: float = _field(5e-4, "per step", "highest learning rate of the conditioned norms")
    weight_decay: float = _field(1e-6, "per unit of rate", "decoupled decay of weights (not of norms and biases)")
    warmup: int = _field(0, "optimiser steps", "linear rise of the rates, before their cosine decay to the floor")
    floor: float = _field(0.0, "share of the rates", "where the cosine decay ends; 0.1 to pretrain on")
    clip: float = _field(5.0, "gradient norm", "gradients are scaled down to at most this norm; 0 for never")
    validate_every: int | None = _field(
        None, "optimiser steps", "between two validations; a tenth of the run if not given"
    )
    validation_samples: int | None = _field(256, "samples", "at most so many, evenly spread over the validation data")
    patience: int | None = _field(None, "validations", "stop after this many without a better one; never if not given")
    average: float | None = _field(None, "decay in [0, 1)", "keep an exponential moving average of the weights")
    strategy: Literal["ddp", "fsdp"] = _field(
        "ddp", "name", "how processes share a model: ddp holds it whole in each, fsdp by rows (less memory)"
    )
    precision: Literal["32-true", "bf16-mixed", "64-true"] = _field("32-true", "numbers", "arithmetic of the run")
    recompute: bool = _field(False, "yes or no", "recompute activations in the backward pass: less memory, more time")
    compile: bool = _field(False, "yes or no", "compile the core")
    workers: int = _field(0, "processes", "processes that read batches ahead; 0 reads in the training process")
    save_every: int = _field(100, "optimiser steps", "how often to write the checkpoint that a killed run resumes from")
    log_every: int = _field(10, "optimiser steps", "how often to write a row of log.csv")
    seed: int = _field(0, "integer", "seed of the order of samples and of new weights")

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "save_every", "log_every"):
            _require(getattr(self, name) >= 1, name, "is at least 1", getattr(self, name))
        for name in ("core_rate", "embedding_rate", "norm_rate", "weight_decay", "warmup", "clip", "workers"):
            _require(getattr(self, name) >= 0, name, "is not negative", getattr(self, name))
        for name in ("epochs", "patience", "validate_every", "validation_samples"):
            value = getattr(self, name)
            _require(value is None or value > 0, name, "is positive or not given", value)
        _require(0 <= self.floor <= 1, "floor", "is a share of the highest rate in [0, 1]", self.floor)
        _require(self.average is None or 0 <= self.average < 1, "average", "is a decay in [0, 1)", self.average)
        by_rows = self.strategy == "fsdp"
        _require(not (by_rows and self.optimiser == "muon"), "optimiser", "is adamw with strategy fsdp", self.optimiser)
        _require(not (by_rows and self.average is not None), "average", "is not given with strategy fsdp", self.average)

    def length(self, samples: int) -> int:
        """Optimiser steps of a run over this many samples."""
        if self.epochs is None:
            return self.steps
        return max(1, round(self.epochs * math.ceil(samples / self.batch_size) / self.accumulate))

    def rate_factor(self, step: int, length: int) -> float:
        """Share of the highest rate at a step: linear warm-up, then a cosine down to the floor at the end.

        With a warm-up and a floor it is the schedule of continual pretraining (re-warming, arXiv 2308.04014).
        """
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, length - self.warmup)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def replace(self, **changes: Any) -> Recipe:
        """Another recipe.

        Raises:
            ConfigError: unknown key (with the nearest known one) or a value that breaks a rule.
        """
        return from_dict(Recipe, {**to_dict(self), **changes})


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: no such file, not YAML, or not a mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"a recipe is a YAML file, but {path} does not exist; check the path")
    try:
        found = load_settings(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"a recipe is a YAML file, but {path} is none ({what}); correct it") from error
    if not isinstance(found, dict):
        raise ConfigError(f"a recipe is a mapping of keys to values, but {path} holds a {type(found).__name__}")
    return found


def write_yaml(path: str | Path, record: dict[str, Any]) -> None:
    """Write a mapping that `read_yaml` reads."""
    Path(path).write_text(yaml.safe_dump(record, sort_keys=False))


def _require(holds: bool, name: str, rule: str, value: Any) -> None:
    if not holds:
        raise ConfigError(f"{name} {rule}, got {value}; correct the recipe")


FIELDS = {f.name: f for f in dataclasses.fields(Recipe)}
