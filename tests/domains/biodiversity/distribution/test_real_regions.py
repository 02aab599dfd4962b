"""The weights that come with the package on real species, regions and layers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from humboldt.domains.biodiversity import Environment, auc_roc, boyce, open_environment
from humboldt.domains.biodiversity.distribution import (
    SpeciesModel,
    SurveyedRegion,
    biodiversity_nano,
    build_species,
    read_region,
)
from humboldt.foundations import Model

pytestmark = pytest.mark.integration


def placed(region: SurveyedRegion, species: list[str], presences: int, model: Model | None = None) -> np.ndarray:
    """AUC of each species on surveyed sites, learned jointly from some records."""
    found = region.presence[region.presence["spid"].isin(species)].rename(columns={"spid": "scientificName"})
    records = found.groupby("scientificName").sample(presences, random_state=0)
    fitted = SpeciesModel(model).fit(records, region.background[:2000], variables=region.variables)
    scores = []
    for number, name in enumerate(fitted.species_):
        sites, truth = region.test(name)
        scores.append(auc_roc(truth, fitted.answer(sites)[0][number]))
    return np.array(scores)


def test_five_records_of_each_of_thirty_plants_place_them(shared: Path) -> None:
    """South America: fitted jointly, scored on independent surveys, beside the network before training."""
    region = read_region(shared / "data/biodiversity/disdat/SA")
    torch.manual_seed(0)
    twin = build_species(biodiversity_nano()).eval()
    counts = region.presence["spid"].value_counts()
    species = [s for s in region.species if counts[s] >= 5]
    nano, random = placed(region, species, 5), placed(region, species, 5, twin)
    assert len(species) == 30
    assert nano.mean() > 0.68
    assert nano.mean() > random.mean() + 0.1


def test_the_map_of_a_real_species_follows_its_records_into_a_warmer_climate(shared: Path, tmp_path: Path) -> None:
    """Bradypus variegatus over the Americas: a map to GeoTIFF, today and five degrees warmer."""
    folder = shared / "data/biodiversity/bradypus"
    layers = open_environment(folder / "environment.tif", factors=["biome"])
    found = pd.read_csv(folder / "occurrence.csv")
    half = np.random.default_rng(0).permutation(len(found)) < len(found) // 2
    model = SpeciesModel().fit(found[half], layers)
    today = model.predict(layers, output=tmp_path / "today.tif")
    assert isinstance(today, xr.Dataset)
    rest = found[~half]
    rows, columns = layers.cells(rest["decimalLongitude"], rest["decimalLatitude"])
    suitability = today["suitability"].values[0]
    at_records = suitability[rows, columns]
    assert boyce(at_records[np.isfinite(at_records)], suitability[np.isfinite(suitability)]) > 0.5
    warm = layers.layers.copy()
    warm.loc[{"layer": ["bio1", "bio5", "bio6", "bio8"]}] += 50.0
    later = model.predict(Environment(warm, layers.crs, layers.factors))
    assert isinstance(later, xr.Dataset)
    beyond = [
        float((maps["extrapolation"] < 0).sum() / maps["extrapolation"].notnull().sum()) for maps in (today, later)
    ]
    assert beyond[0] < 0.15 < beyond[1]
    assert float(abs(later["suitability"] - today["suitability"]).mean()) > 0.005
