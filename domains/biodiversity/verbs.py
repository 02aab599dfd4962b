"""What the public verbs make of tables: maps of species from records, counts of next years from counts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean
from humboldt.foundations import Model

from .distribution import SpeciesModel
from .environment import Environment, open_environment
from .populations import forecast_counts
from .record_files import ENDINGS, read_records


def is_table(source: Any) -> bool:
    """Whether a source is a file of records or counts, rather than of months."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() in ENDINGS


def known_choices(verb: Callable[..., Any], choices: Mapping[str, Any]) -> Mapping[str, Any]:
    """The choices, all of which a verb has.

    Raises:
        DataError: one that it does not have.
    """
    known = [p.name for p in inspect.signature(verb).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for name in choices:
        if name not in known:
            raise DataError(f"choices are {known}, got {name!r}{did_you_mean(name, known)}")
    return choices


def predict_species(
    model: Model,
    records: Any,
    *,
    environment: Any = None,
    to: Any = None,
    background: Any = 2000,
    factors: Sequence[str] = (),
    place: bool = False,
    month: int | None = None,
    seed: int = 0,
    output: str | Path | None = None,
) -> xr.Dataset | pd.DataFrame:
    """Maps of the species of some records, see `SpeciesModel`.

    Args:
        model: of species distributions.
        records: what `read_occurrences` takes.
        environment: layers, or a table of points, in which the records lie.
        to: layers of another climate or region to map, those of the records by default.
        background, place, seed: as for `SpeciesModel`.
        factors: layers whose values are classes.
        month: 1 to 12, for maps of a season.
        output: a file for the maps (.nc or .tif).

    Raises:
        DataError: no environment, or what `SpeciesModel` refuses.
    """
    if environment is None:
        raise DataError(
            "species are placed in an environment, got none; pass environment=['bio1.tif', 'bio12.tif'], or on the "
            "command line --opening '{environment: [bio1.tif, bio12.tif]}'"
        )
    if not isinstance(environment, pd.DataFrame | Environment):
        environment = open_environment(environment, factors=factors)
    fitted = SpeciesModel(model, place=place, season=month is not None, seed=seed)
    fitted.fit(records, environment, background=background)
    return fitted.predict(environment if to is None else to, month=month, output=output)


def predict_counts(
    model: Model, counts: Any, lead_times: Sequence[float] = (), *, site: str = "site", year: str = "year",
    count: str = "count",
) -> pd.DataFrame:  # fmt: skip
    """Counts of next years at every site, see `forecast_counts`.

    Args:
        model: of populations.
        counts: a table, or a file of one.
        lead_times: years ahead; the next year by default.
        site, year, count: names of the columns.

    Raises:
        ValueError: lead times that are no whole years, or what `forecast_counts` refuses.
    """
    wanted = list(lead_times) or [1]
    if any(t != round(t) or t < 1 for t in wanted):
        raise ValueError(f"lead times of populations are whole years from 1 on, got {wanted}; round them")
    table = counts if isinstance(counts, pd.DataFrame) else read_records(Path(counts))
    found = forecast_counts(table, round(max(wanted)), model=model, site=site, year=year, count=count)
    last = found[year].min() - 1
    return found[found[year].isin([last + round(t) for t in wanted])].reset_index(drop=True)
