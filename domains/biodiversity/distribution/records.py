"""Records of species with the environment at their places, checked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError

from ..environment import Environment
from ..event_dates import DATE, calendar_months
from ..occurrences import LATITUDE, LONGITUDE, SPECIES, presence_of, read_occurrences, species_names

log = logging.getLogger(__name__)

PLACES, MONTH = ("x", "y"), "month"
NOT_VARIABLES = (*PLACES, MONTH, LATITUDE, LONGITUDE, SPECIES, "present", "siteid", "group", "geometry")


def located(occurrences: Any, environment: Environment) -> pd.DataFrame:
    """Records with the environment at their places, and x and y in its CRS.

    Raises:
        DataError: coordinates beyond 90 and 180 degrees, or swapped ones.
    """
    records = read_occurrences(occurrences)
    latitude, longitude = records[LATITUDE], records[LONGITUDE]
    outside = (latitude.abs() > 90) | (longitude.abs() > 180)
    if outside.any():
        worst = records[outside].iloc[0]
        raise DataError(
            f"coordinates are degrees up to 90 (latitude) and 180 (longitude), got {worst[LATITUDE]:g} and "
            f"{worst[LONGITUDE]:g}; are they swapped, or in metres (crs= of read_occurrences)? see clean_occurrences"
        )
    rows, columns = environment.cells(longitude, latitude)
    if len(records) and (np.minimum(rows, columns) < 0).all():
        swapped = np.minimum(*environment.cells(latitude, longitude))
        if (swapped >= 0).any():
            first = records.iloc[0]
            raise DataError(
                f"records lie on the layers, got none there, and some where latitude and longitude are exchanged "
                f"({first[LATITUDE]:g} and {first[LONGITUDE]:g}); exchange the two columns"
            )
    x, y = environment.places(np.maximum(rows, 0), np.maximum(columns, 0))
    values = environment.extract(longitude, latitude)
    kept = records.drop(columns=[c for c in (*values.columns, *PLACES) if c in records])
    return pd.concat([kept.assign(x=x, y=y), values], axis=1)


def named(occurrences: Any) -> pd.DataFrame:
    """A table of records that has its variables already; without names, of one species."""
    records = pd.DataFrame(occurrences).reset_index(drop=True)
    if SPECIES not in records:
        records = records.assign(**{SPECIES: records.get("species", "species")})
    return records.assign(**{SPECIES: species_names(records[SPECIES])}, present=presence_of(records))


def dated(records: pd.DataFrame) -> pd.DataFrame:
    """Records with the month of their eventDate, 1 to 12; missing where a date names none.

    Raises:
        DataError: no date of any can be read.
    """
    month = calendar_months(records) if DATE in records else pd.Series(np.nan, records.index)
    if month.isna().all():
        said = f"{records[DATE].iloc[0]!r} and the like" if DATE in records else "records without it"
        raise DataError(f"a season is read from eventDate as YYYY-MM-DD, got {said}; fit with season=False")
    return records.assign(**{MONTH: month.to_numpy(float)})


def complete(table: pd.DataFrame, columns: Sequence[str], what: str) -> pd.DataFrame:
    """The rows that have a finite value in every column; how many lack one is logged.

    Raises:
        DataError: none has, or a column is not there.
    """
    lacking = [c for c in columns if c not in table]
    if lacking:
        raise DataError(f"{what} have the columns {list(columns)[:12]}, got no {lacking[0]!r}")
    whole = table[list(columns)].replace([np.inf, -np.inf], np.nan).notna().all(axis=1)
    if not whole.any():
        raise DataError(
            f"{what} lie where every variable has a value, got none of {len(table)} there; compare the extent and the "
            "CRS of the layers with the coordinates"
        )
    if not whole.all():
        log.info("%d of %d %s lie where a variable has no value and are left out", (~whole).sum(), len(table), what)
    return table[whole].reset_index(drop=True)


def species_of(records: pd.DataFrame) -> tuple[str, ...]:
    """Names of the species of records.

    Raises:
        DataError: a species with fewer than two presences, or one without absences beside others with.
    """
    counts = records.groupby(SPECIES, observed=True)["present"].agg(["sum", "size"])
    few = counts.index[counts["sum"] < 2]
    if len(few):
        raise DataError(
            "a species is placed from at least two presences with an environment, got "
            f"{int(counts.loc[few[0], 'sum'])} for {few[0]!r}; add records or leave the species out"
        )
    without = counts.index[counts["sum"] == counts["size"]]
    if len(without) and len(without) < len(counts):
        raise DataError(
            f"species are looked for, or only found, alike: got absences, but none for {without[0]!r}; fit it apart"
        )
    return tuple(map(str, counts.index))
