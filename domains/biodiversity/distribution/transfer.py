"""From the native range of a species to where it was brought: what its niche at home says of the new region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.foundations import Model

from ..background import sample_background
from ..environment import Environment
from ..metrics import auc_roc, boyce
from ..occurrences import SPECIES
from .estimator import SpeciesModel, as_environment
from .niches import NicheOverlap, niche_overlap
from .records import located


@dataclass(frozen=True, eq=False)
class Transfer:
    """A species asked for in a region in which its model saw no record.

    Attributes:
        model: fitted to the native records alone.
        maps: of the new region, as `SpeciesModel.predict` makes them.
        novel: share of the new region whose environment lies beyond that of the native background.
        overlap: of the native niche and that of the records of the new region; None without such records.
        auc: of records against background of the new region; NaN without records.
        boyce: continuous Boyce index of the same; NaN without records, or where it cannot be told.
    """

    model: SpeciesModel
    maps: xr.Dataset
    novel: float
    overlap: NicheOverlap | None
    auc: float
    boyce: float


def transfer(
    native: Any,
    native_environment: Any,
    new_environment: Any,
    new: Any = None,
    *,
    model: Model | str | Path | None = None,
    background: int = 2000,
    draws: int = 99,
    seed: int = 0,
) -> Transfer:
    """Fit a species to its native records and look at another region; compare with what was found there, if anything.

    Coordinates are never variables, since they mean nothing elsewhere.

    Args:
        native: records of one species at home, what `read_occurrences` takes.
        native_environment, new_environment: layers of the same names of the two regions, what `open_environment` takes.
        new: records of the species in the new region, by whose presences the transfer is judged; they are not used in
            fitting.
        model: a network of species distributions.
        background: points of each region.
        draws: of the test whether both niches are the same.
        seed: of the background and the draws.

    Raises:
        DataError: several species, layers of other names, or what `SpeciesModel.fit` refuses.
    """
    home, away = _layers(native_environment), _layers(new_environment)
    lacking = [name for name in home.names if name not in away.names]
    if lacking:
        raise DataError(
            f"a niche is carried to layers of the same names, got no {lacking[0]!r} in {list(away.names)}; name them "
            "alike (names= of open_environment)"
        )
    fitted = SpeciesModel(model, seed=seed).fit(native, home, background=background)
    _require_one(fitted.species_)
    maps = fitted.predict(away)
    assert isinstance(maps, xr.Dataset)
    beyond = maps["extrapolation"].values
    novel = float((beyond < 0).sum() / np.isfinite(beyond).sum())
    if new is None:
        return Transfer(fitted, maps, novel, None, float("nan"), float("nan"))
    names = list(home.names)
    around = sample_background(away, min(background, int(away.valid().sum())), seed=seed)
    found = located(new, away).dropna(subset=names)
    found = found[found["present"]]
    _require_one(found[SPECIES].dropna().unique().tolist())
    if len(found) < 2:
        raise DataError(f"a niche is told from two records with an environment, got {len(found)} in the new region")
    overlap = niche_overlap(
        fitted.records_[names].to_numpy(float), found[names].to_numpy(float),
        fitted.background_[names].to_numpy(float), around[names].to_numpy(float), draws=draws, seed=seed,
    )  # fmt: skip
    says = [_suitability(fitted, table) for table in (found.assign(**{SPECIES: fitted.species_[0]}), around)]
    truth = np.r_[np.ones(len(found)), np.zeros(len(around))]
    return Transfer(fitted, maps, novel, overlap, auc_roc(truth, np.concatenate(says)), _boyce(*says))


def _require_one(species: Sequence[str]) -> None:
    if len(species) > 1:
        raise DataError(f"one species is followed at a time, got {list(species)[:4]}; choose the records of one")


def _layers(source: Any) -> Environment:
    found = as_environment(source)
    if not isinstance(found, Environment):
        raise DataError("a transfer goes from layers to layers, got a table; pass what open_environment takes")
    return found


def _suitability(model: SpeciesModel, table: pd.DataFrame) -> np.ndarray:
    return np.asarray(model.answer(table)[0][0], float)


def _boyce(presences: np.ndarray, background: np.ndarray) -> float:
    from scipy.special import expit

    if len(presences) < 10:
        return float("nan")
    return boyce(expit(presences), expit(background))
