"""Tables of counts: a row a site (or population) and year, checked before anything is fitted to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError, did_you_mean


def checked_counts(counts: pd.DataFrame, names: Sequence[str], *, year: str, count: str) -> pd.DataFrame:
    """The table with years as whole numbers and counts as numbers, NaN where nothing was counted.

    Args:
        names: columns that must be there; all but the count have a value in every row.

    Raises:
        DataError: a column that is not there, rows without a site or year, years that are no whole numbers, counts
            that are no numbers, infinite or negative.
    """
    known = list(map(str, counts.columns))
    for name in names:
        if name not in counts:
            raise DataError(
                f"counts have the columns {list(names)}, got {known} without {name!r}{did_you_mean(name, known)}"
            )
    for name in names:
        if name != count and counts[name].isna().any():
            row = int(np.flatnonzero(counts[name].isna())[0])
            raise DataError(f"every row says its {name}, got none in row {row}; fill it in, or drop the row")
    if counts[year].dtype.kind == "M":
        raise DataError(f"years are whole numbers, got dates in {year!r}; pass their years: table[{year!r}].dt.year")
    when, number = (pd.to_numeric(counts[name], errors="coerce") for name in (year, count))
    odd = when.isna() | (when % 1 != 0)
    if odd.any():
        raise DataError(f"years are whole numbers such as 2001, got {counts[year][odd].tolist()[0]!r}; correct them")
    wrong = (number.isna() & counts[count].notna()) | np.isinf(number.astype(float))
    if wrong.any():
        odd_one = counts[count][wrong].tolist()[0]
        raise DataError(f"counts are numbers, or missing where nothing was counted, got {odd_one!r}; correct it")
    if (number < 0).any():
        raise DataError(f"counts are at least 0, got {number.min():g}; correct or drop that row")
    found = counts.copy()
    found[year], found[count] = when.astype(int), number.astype(float)
    return found
