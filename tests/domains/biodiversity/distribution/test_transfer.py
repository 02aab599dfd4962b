"""A niche at home and in a new region: virtual ones that are known, and the sloth of the MaxEnt tutorial."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import Environment, open_environment
from humboldt.domains.biodiversity.distribution import SpeciesModel, transfer
from humboldt.domains.biodiversity.distribution.virtual import smooth_field


def land(seed: int, warmer: float = 0.0, side: int = 32) -> Environment:
    """A region with two smooth variables, from the equator upwards."""
    random = np.random.default_rng(seed)
    fields = np.stack([smooth_field(random, side) + warmer, smooth_field(random, side)])
    axes = {"y": 0.1 * np.arange(side), "x": 0.1 * np.arange(side)}
    return Environment(xr.DataArray(fields, {"layer": ["warm", "wet"], **axes}, ("layer", "y", "x")), "EPSG:4326")


def records(of: Environment, optimum: float, number: int = 40, seed: int = 0) -> pd.DataFrame:
    """Where a species is found that likes a temperature."""
    warm = of.layers.sel(layer="warm").values
    chance = expit(3 - 6 * (warm - optimum) ** 2).ravel()
    cells = np.random.default_rng(seed).choice(chance.size, number, replace=False, p=chance / chance.sum())
    x, y = of.places(*np.unravel_index(cells, of.shape))
    return pd.DataFrame({"scientificName": "Mobilis virtualis", "decimalLongitude": x, "decimalLatitude": y})


def test_a_kept_niche_is_found_again_and_a_changed_one_is_told_apart() -> None:
    home, away = land(0), land(1)
    kept = transfer(records(home, 0.7), home, away, records(away, 0.7, seed=1), draws=39)
    changed = transfer(records(home, 0.7), home, away, records(away, -1.2, seed=1), draws=39)
    assert kept.overlap is not None
    assert changed.overlap is not None
    assert kept.auc > 0.75
    assert kept.boyce > 0.3
    assert changed.auc < 0.5
    assert kept.overlap.schoener_d > changed.overlap.schoener_d + 0.3
    assert changed.overlap.equivalency < 0.06
    assert set(kept.maps) == {"suitability", "lower", "upper", "extrapolation"}


def test_absences_of_the_new_region_are_no_presences() -> None:
    home, away = land(0), land(1)
    found, cold = records(away, 0.7, seed=1), records(away, -1.2, seed=2)
    alone = transfer(records(home, 0.7), home, away, found, draws=0)
    surveyed = pd.concat([found.assign(occurrenceStatus="present"), cold.assign(occurrenceStatus="absent")])
    both = transfer(records(home, 0.7), home, away, surveyed, draws=0)
    assert alone.overlap is not None
    assert both.overlap is not None
    assert (both.auc, both.boyce) == (alone.auc, alone.boyce)
    assert both.overlap.schoener_d == alone.overlap.schoener_d


def test_a_warmer_region_is_flagged_as_new() -> None:
    home = land(0)
    alike, warmer = (transfer(records(home, 0.7), home, land(1, w)).novel for w in (0.0, 3.0))
    assert alike < 0.2
    assert warmer > alike + 0.2


def test_what_cannot_be_carried_is_refused() -> None:
    home, away = land(0), land(1)
    renamed = Environment(away.layers.assign_coords(layer=["hot", "wet"]), "EPSG:4326")
    with pytest.raises(
        DataError, match=r"layers of the same names, got no 'warm' in \['hot', 'wet'\]; name them alike"
    ):
        transfer(records(home, 0.7), home, renamed)
    two = records(home, 0.7)
    two.loc[:9, "scientificName"] = "Another one"
    with pytest.raises(DataError, match="one species is followed at a time, got"):
        transfer(two, home, away)
    with pytest.raises(DataError, match=r"got \['Another one', 'Mobilis virtualis'\]; choose the records of one"):
        transfer(records(home, 0.7), home, away, two)
    with pytest.raises(DataError, match="two records with an environment, got 1 in the new region"):
        transfer(records(home, 0.7), home, away, records(away, 0.7)[:1])
    with pytest.raises(DataError, match="from layers to layers, got a table"):
        transfer(records(home, 0.7), home, pd.DataFrame({"warm": [1.0]}))


@pytest.mark.integration
def test_the_sloth_north_of_the_isthmus_tells_where_it_lives_south_of_it(shared: Path) -> None:
    """Bradypus variegatus: 116 records and nine layers over the Americas, split at nine degrees north."""
    folder = shared / "data/biodiversity/bradypus"
    layers = open_environment(folder / "environment.tif", factors=["biome"]).layers.drop_sel(layer="biome")
    found = pd.read_csv(folder / "occurrence.csv")
    south = layers["y"].values < 9
    parts = [Environment(layers.isel(y=rows), "EPSG:4326") for rows in (south, ~south)]
    is_south = found["decimalLatitude"] < 9
    result = transfer(found[is_south], parts[0], parts[1], found[~is_south], draws=0)
    assert result.auc > 0.65
    assert result.overlap is not None
    assert 0 < result.overlap.schoener_d < 1
    everywhere = SpeciesModel().fit(found, Environment(layers, "EPSG:4326"))
    assert len(everywhere.records_) >= 110
