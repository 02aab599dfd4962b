"""Maps of species from the verbs that all sciences share: a network, layers and records in, labelled maps out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, Pieces, choose

from ..environment import Environment, open_environment
from .estimator import SpeciesModel
from .maps import map_rows


def predict_species(
    network: Model,
    layers: Any,
    *,
    occurrences: Any = None,
    to: Any = None,
    month: int | None = None,
    output: str | Path | None = None,
    **choices: Any,
) -> xr.Dataset:
    """Maps of the species of some records, see `SpeciesModel.predict`; arguments as of `fit_species`.

    output: a file for the maps (.nc or .tif), written row by row.
    """
    choose(fit_species, choices)
    fitted, there = fit_species(network, layers, occurrences=occurrences, to=to, month=month, **choices)
    return fitted.predict(there, month=month, output=output)  # type: ignore[return-value]


def map_pieces(
    network: Model, layers: Any, *, occurrences: Any = None, to: Any = None, month: int | None = None, **choices: Any
) -> Pieces:
    """The same, so many rows a piece that memory stays the same however large the grid is."""
    choose(fit_species, choices)
    fitted, there = fit_species(network, layers, occurrences=occurrences, to=to, month=month, **choices)

    def make(first: int, end: int) -> xr.Dataset:
        return map_rows(fitted, there, slice(first, end), month)

    return Pieces(there.shape[0], there.row_blocks()[0].stop, "y", make)


def fit_species(
    network: Model,
    layers: Any,
    *,
    occurrences: Any = None,
    to: Any = None,
    month: int | None = None,
    place: bool = False,
    seed: int = 0,
    background: int | pd.DataFrame | str = 2000,
    variables: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    crs: Any = None,
    factors: Sequence[str] = (),
) -> tuple[SpeciesModel, Environment]:
    """A model of the species of some records, and the layers that it is to map.

    Args:
        network: of species distributions; it reads the records, nothing is trained.
        layers: in which the records lie: what `open_environment` takes.
        occurrences: what `read_occurrences` takes.
        to: layers of another climate or region to map; those of the records by default.
        month: 1 to 12, for maps of a season.
        place, seed: of `SpeciesModel`.
        background, variables: of its `fit`.
        names, crs, factors: of `open_environment`.

    Raises:
        DataError: no records, and as `SpeciesModel` says.
    """
    if occurrences is None:
        raise DataError(
            "maps of species are made of records and layers, got no records; give occurrences (--occurrences FILE)"
        )
    about: dict[str, Any] = {"names": names, "crs": crs, "factors": factors}
    environment = layers if isinstance(layers, Environment) else open_environment(layers, **about)
    there = to if isinstance(to, Environment | None) else open_environment(to, **about)
    model = SpeciesModel(network, place=place, season=month is not None, seed=seed)
    model.fit(occurrences, environment, background=background, variables=variables)
    model.require_month(month)
    return model, there or environment
