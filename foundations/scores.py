"""Scores as a labelled table: what every science returns from an evaluation that has nothing more to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """One number, what it measures and in which unit; `better` says which way."""

    value: float
    metric: str
    unit: str = "1"
    better: str = "lower"


@dataclass(frozen=True)
class LabelledScores:
    """Scores with a dimension `forecast`, see `contracts.Scores`.

    Attributes:
        scores: an xarray Dataset, a variable per score.
        first: the score that is looked at first.
        across: the dimension whose values become the columns of the printed table.
        title: what the columns are, in words.
    """

    scores: Any
    first: str
    across: str
    title: str

    def datasets(self) -> dict[str, Any]:
        """The scores alone."""
        return {"scores": self.scores}

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
