"""When something was recorded: `eventDate` of Darwin Core, a day, part of a day or an interval (ISO 8601)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from humboldt.data_catalog import DataError

DATE = "eventDate"
PARTS = ("year", "month", "day")


def days(table: pd.DataFrame) -> pd.Series:
    """Dates of records, the first day of an interval (2015-05-01/2015-05-03); missing where they cannot be read.

    Raises:
        DataError: there is no column of dates.
    """
    first = _bounds(table)[0]
    return pd.to_datetime(first, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)


def calendar_months(table: pd.DataFrame) -> pd.Series:
    """Calendar months of records, 1 to 12; missing where a date names none (2015) or an interval spans two.

    Raises:
        DataError: there is no column of dates.
    """
    first, last = _bounds(table)
    known = (first.str.len() >= len("2015-05")) & (first.str[:7] == last.str[:7])
    return days(table).dt.month.where(known)


def window(dates: tuple[str | None, str | None]) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """First and last day of a window of dates, None for an open end.

    Raises:
        DataError: what is no date, or ends that are the wrong way round.
    """
    try:
        first, last = (None if end is None else pd.Timestamp(end) for end in dates)
    except ValueError as error:
        raise DataError(
            f"a window of dates is ('2000-01-01', '2010-12-31') or None at an open end, got {dates!r}"
        ) from error
    if first is not None and last is not None and first > last:
        raise DataError(f"a window of dates begins before it ends, got {dates!r}; exchange them")
    return first, last


def joined_date(parts: Sequence[pd.Series]) -> pd.Series:
    """`eventDate` of the columns year, month and day, as far as they say it: 2015, 2015-05 or 2015-05-03."""
    found, known = pd.Series("", parts[0].index, dtype="string"), pd.Series(True, parts[0].index)
    for part, sign, digits in zip(parts, ("", "-", "-"), (4, 2, 2), strict=False):
        number = pd.to_numeric(part, errors="coerce").round().astype("Int64")
        known &= number.notna()
        found = (found + sign + number.astype("string").str.zfill(digits)).where(known, found)
    return found.where(found != "")


def _bounds(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Both ends of dates as text; what an end leaves out (2015-05-01/03) it shares with the beginning."""
    if DATE not in table:
        raise DataError(f"dates stand in the column {DATE}, got {list(table.columns)[:12]}; name it in columns={{...}}")
    text = table[DATE].astype("string").fillna("").str.strip().astype(object)
    parts = text.str.split("/", n=1).tolist()
    first, last = [p[0] for p in parts], [p[-1] for p in parts]
    last = [b if re.match(r"\d{4}(-|$)", b) else a[: len(a) - len(b)] + b for a, b in zip(first, last, strict=True)]
    return pd.Series(first, table.index), pd.Series(last, table.index)
