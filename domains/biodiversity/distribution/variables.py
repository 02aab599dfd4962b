"""From tables with named columns to numbers: classes become columns of 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError, did_you_mean


@dataclass(frozen=True)
class Variables:
    """Names of the variables of a model, in order.

    Attributes:
        names: columns of a table.
        levels: of each variable whose values are classes, the classes that are known.
    """

    names: tuple[str, ...]
    levels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __call__(self, table: pd.DataFrame) -> np.ndarray:
        """Numbers (rows, columns); a row with a missing value holds NaN.

        Raises:
            DataError: a column that the table lacks, or a class that is not known.
        """
        lacking = [n for n in self.names if n not in table]
        if lacking:
            raise DataError(
                f"a model is asked with the variables that it was fitted with, got no {lacking[0]!r} in "
                f"{list(map(str, table.columns))[:12]}{did_you_mean(lacking[0], list(map(str, table.columns)))}"
            )
        return np.concatenate([self._columns(n, numbers(table, n)) for n in self.names], axis=1)

    def _columns(self, name: str, values: np.ndarray) -> np.ndarray:
        if name not in self.levels:
            return values[:, None]
        known = np.asarray(self.levels[name])
        unseen = np.setdiff1d(values[np.isfinite(values)], known)
        if len(unseen):
            raise DataError(
                f"a factor has the classes that it was fitted with, got {unseen[0]:g} of {name!r}, which has "
                f"{known.tolist()}; set these cells to NaN, or fit with background from there"
            )
        return np.where(np.isnan(values)[:, None], np.nan, values[:, None] == known)


def numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Values of a column as numbers, NaN where one is missing.

    Raises:
        DataError: words.
    """
    column = table[name]
    values = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    odd = np.isnan(values) & column.notna().to_numpy()
    if odd.any():
        raise DataError(
            f"variables are numbers, got {column[odd].iloc[0]!r} in {name!r}; give classes numbers "
            f"(pandas.factorize) and name them in factors=[{name!r}]"
        )
    return values


def variables_of(background: pd.DataFrame, names: Sequence[str], factors: Sequence[str] = ()) -> Variables:
    """The variables of a table of background points.

    Raises:
        DataError: no variable, one that is not there, a factor that is none of them, or nothing that varies.
    """
    if not names:
        raise DataError("a distribution has at least one variable, got none; name the columns in variables=[...]")
    lacking = [n for n in names if n not in background]
    if lacking:
        there = list(map(str, background.columns))
        raise DataError(
            f"variables are layers, or columns of the background, got {lacking[0]!r} for {there[:12]}"
            f"{did_you_mean(lacking[0], there)}"
        )
    odd = [f for f in factors if f not in names and f not in background]
    if odd:
        raise DataError(f"factors are variables {list(names)}, got {odd[0]!r}{did_you_mean(odd[0], list(names))}")
    factors = [f for f in dict.fromkeys(factors) if f in names]
    plain = Variables(tuple(names))
    values = plain(background)
    values = values[np.isfinite(values).all(1)]
    spread = np.ptp(values, axis=0) if len(values) else np.zeros(len(names))
    if not (spread > 0).any():
        raise DataError(
            f"background points differ in a variable at least, got {len(background)} points that are all the same in "
            f"{list(names)[:8]}; widen the region"
        )
    levels = {f: tuple(np.unique(numbers(background.dropna(subset=[f]), f)).tolist()) for f in factors}
    return Variables(tuple(names), levels)
