"""Scores as a labelled table: what every science returns from an evaluation that has nothing more to show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .config import ConfigError


@dataclass(frozen=True, kw_only=True)
class SampleScores:
    """A continuous score of every sample, before a median, rank or threshold is taken of it.

    What passes through a threshold loses its link to scale (arXiv 2406.04391); and only scores by sample can be paired.

    Attributes:
        metric, unit, better: of these values; the one number beside them may be another (a median, a rank).
        samples: what each sample is called in the whole data, in order: the same in every part and every run.
        columns: what each was scored on: lead times, properties, ...
        values: a row a column, a value a sample; None where there is none, infinite where a prediction had no bound.

    Raises:
        ConfigError: a sample that is named twice, or other numbers of values than of columns and samples.
    """

    metric: str
    samples: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    unit: str = "1"
    better: Literal["lower", "higher"] = "lower"

    def __post_init__(self) -> None:
        if len(set(self.samples)) < len(self.samples):
            twice = next(name for name in self.samples if self.samples.count(name) > 1)
            raise ConfigError(f"every sample has a name of its own, got {twice!r} twice; number them")
        rows = [len(row) for row in self.values]
        if not rows or rows != [len(self.samples)] * len(self.columns):
            raise ConfigError(
                f"scores have a row for each of {len(self.columns)} columns and a value for each of "
                f"{len(self.samples)} samples, got rows of {rows}; write None where there is no value"
            )

    @classmethod
    def of(cls, metric: str, samples: Iterable[Any], values: Mapping[str, Any], unit: str = "1") -> SampleScores:
        """From an array of values a column; NaN becomes None, six digits are kept."""
        rows = (tuple(None if math.isnan(v) else float(f"{v:.6g}") for v in map(float, r)) for r in values.values())
        names = tuple(str(name) for name in samples)
        return cls(metric=metric, unit=unit, samples=names, columns=tuple(values), values=tuple(rows))

    def by_column(self) -> dict[str, dict[str, float]]:
        """The values by column and sample, NaN where there is none."""
        rows = ([math.nan if v is None else v for v in row] for row in self.values)
        return {name: dict(zip(self.samples, row, strict=True)) for name, row in zip(self.columns, rows, strict=True)}

    @property
    def mean(self) -> float:
        """Over all samples and columns that have a value, infinite if one is; NaN if none has."""
        known = [value for row in self.values for value in row if value is not None]
        return sum(known) / len(known) if known else math.nan


@dataclass(frozen=True)
class Score:
    """One number, what it measures and in which unit; `better` says which way; `samples` what it was made of."""

    value: float
    metric: str
    unit: str = "1"
    better: str = "lower"
    samples: SampleScores | None = None


@dataclass(frozen=True)
class LabelledScores:
    """Scores with a dimension `forecast`, see `contracts.Scores`.

    Attributes:
        scores: an xarray Dataset, a variable per score.
        first: the score that is looked at first.
        across: the dimension whose values become the columns of the printed table.
        title: what the columns are, in words.
        samples: the same of every sample, a Dataset with a dimension `sample`; None where there are none.
    """

    scores: Any
    first: str
    across: str
    title: str
    samples: Any = None

    def datasets(self) -> dict[str, Any]:
        """The scores, and those of every sample where there are any."""
        return {"scores": self.scores, **({} if self.samples is None else {"samples": self.samples})}

    def text(self) -> str:
        """The first score, a column per value along `across`, under a line that says what it is."""
        array = self.scores[self.first]
        extra = [name for name in array.coords if name not in array.dims]
        table = array.drop_vars(extra).to_series().unstack(self.across)
        return f"{self.first}; columns: {self.title}\n" + str(table.to_string(float_format=lambda x: f"{x:.4g}"))

    def rows(self) -> list[dict[str, Any]]:
        """A row per forecast and other coordinate, with every score; None where there is none."""
        tidy = self.scores.to_dataframe().reset_index().to_dict("records")
        return [{str(k): None if v != v else v for k, v in row.items()} for row in tidy]
