"""A list of what is worth training on: scores of every unit of a training part, thresholds, and the units kept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from humboldt.foundations import ConfigError, from_dict, load_settings, to_dict

from .results import fingerprint

Bounds = tuple[float | None, float | None]
Scores = dict[str, tuple[float | None, ...]]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Which units (trajectories, states, molecules) of a training part are kept, and why.

    Attributes:
        data: fingerprint of the training part as it was opened; the list is refused on any other.
        source: where it came from, for the reader.
        units: how many there were.
        scores: by name, a value a unit; None where there is none.
        thresholds: by name of a score the smallest and the largest value that is kept; None is no bound. A unit without
            a value of a score is kept by it.
        kept: numbers of the units that are kept, counted from 0 in the training part.
        drawn: the seed of a control that was drawn at random; None where the thresholds say what is kept.

    Raises:
        ConfigError: thresholds of scores that there are not, scores for another number of units, a list that is not
            what the thresholds say, or an empty one.
    """

    data: str
    source: str
    units: int
    scores: Scores
    thresholds: dict[str, Bounds]
    kept: tuple[int, ...]
    drawn: int | None = None

    def __post_init__(self) -> None:
        if unknown := [name for name in self.thresholds if name not in self.scores]:
            raise ConfigError(f"thresholds are of {', '.join(self.scores)}, got {unknown[0]!r}; name one of these")
        if odd := {name: len(v) for name, v in self.scores.items() if len(v) != self.units}:
            raise ConfigError(f"a score has a value for each of {self.units} units, got {odd}; curate the data again")
        if not self.kept:
            raise ConfigError(f"a list keeps a unit or more, got none of {self.units}; widen {self.thresholds}")
        if self.drawn is None and self.kept != within(self.scores, self.thresholds, self.units):
            raise ConfigError(
                f"kept units are those within the thresholds {self.thresholds}, got another list of {len(self.kept)}; "
                "change thresholds with Manifest.select, or curate again"
            )

    def __repr__(self) -> str:
        return f"<{len(self.kept)} of {self.units} units of {self.source} kept>"

    @classmethod
    def made(cls, data: str, source: str, scores: Mapping[str, Any], thresholds: Any) -> Manifest:
        """From arrays of scores; NaN and infinity become None, six digits are kept."""
        rounded: Scores = {
            name: tuple(float(f"{v:.6g}") if np.isfinite(v) else None for v in map(float, values))
            for name, values in scores.items()
        }
        units = len(next(iter(rounded.values())))
        kept = within(rounded, thresholds, units)
        return cls(data=data, source=source, units=units, scores=rounded, thresholds=dict(thresholds), kept=kept)

    def select(self, **thresholds: Bounds) -> Manifest:
        """The list under other thresholds, of the same scores: nothing is read again. Without any all is kept."""
        if unknown := [name for name in thresholds if name not in self.scores]:
            raise ConfigError(f"thresholds are of {', '.join(self.scores)}, got {unknown[0]!r}; name one of these")
        kept = within(self.scores, thresholds, self.units)
        return replace(self, thresholds=dict(thresholds), kept=kept, drawn=None)

    def control(self, seed: int = 0) -> Manifest:
        """As many units drawn at random from all: what the scores are worth shows beside it."""
        drawn = np.random.default_rng(seed).choice(self.units, len(self.kept), replace=False)
        return replace(self, kept=tuple(sorted(map(int, drawn))), drawn=seed)

    def dropped(self) -> dict[str, int]:
        """By score, how many units it alone or with others drops."""
        return {n: self.units - len(within(self.scores, {n: b}, self.units)) for n, b in self.thresholds.items()}

    def of(self, train: Any) -> Any:
        """The units of a training part that are kept.

        Raises:
            ConfigError: other data than those that were scored, or the same opened in another way.
        """
        if (found := fingerprint(train)) != self.data:
            raise ConfigError(
                f"a list of kept samples belongs to the data that were scored, {self.source} with fingerprint "
                f"{self.data}, got a training part with {found}; open them as they were scored (same variables, pairs "
                "and split), or curate these"
            )
        return train.choose(self.kept)

    def save(self, path: str | Path) -> Path:
        """Write it as YAML, a score a line; the file is put in place whole."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.writing")
        aside.write_text(yaml.safe_dump(to_dict(self), sort_keys=False, default_flow_style=None, width=2**20))
        os.replace(aside, path)
        return path


def read_manifest(path: str | Path) -> Manifest:
    """A list from its file.

    Raises:
        ConfigError: it is no such list, or breaks a rule of it; names the file.
        FileNotFoundError: there is no such file.
    """
    try:
        said = load_settings(Path(path).read_text())
        if not isinstance(said, dict):
            raise ConfigError(f"a list of kept samples is a mapping, got {type(said).__name__}")
        said["scores"] = {name: tuple(values) for name, values in dict(said.get("scores", {})).items()}
        said["thresholds"] = {name: bounds(b, name) for name, b in dict(said.get("thresholds", {})).items()}
        return from_dict(Manifest, said)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is no list of kept samples ({error}); write one with humboldt curate") from error


def bounds(value: Any, name: str) -> Bounds:
    """The smallest and the largest value that is kept.

    Raises:
        ConfigError: not two numbers (or None) that rise.
    """
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    numbers = [v for v in pair if v is not None]
    if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, int | float) for v in numbers):
        raise ConfigError(
            f"a threshold is a smallest and a largest value, got {value!r} for {name}; such as [0.01, null]"
        )
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        raise ConfigError(f"the smallest value of a threshold lies below the largest, got {list(pair)} for {name}")
    low, high = (None if v is None else float(v) for v in pair)
    return low, high


def within(
    scores: Mapping[str, Sequence[float | None]], thresholds: Mapping[str, Bounds], units: int
) -> tuple[int, ...]:
    """The units whose every score lies within its bounds."""
    kept = np.ones(units, bool)
    for name, (low, high) in thresholds.items():
        values = np.array([np.nan if v is None else v for v in scores.get(name, [None] * units)], float)
        if low is not None:
            kept &= ~(values < low)
        if high is not None:
            kept &= ~(values > high)
    return tuple(int(unit) for unit in np.flatnonzero(kept))
