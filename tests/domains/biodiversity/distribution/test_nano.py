"""The weights that come with the package, on virtual species that no training has seen."""

import numpy as np
import pandas as pd
import pytest
import torch

from humboldt.domains.biodiversity import auc_roc
from humboldt.domains.biodiversity.distribution import SpeciesBatch, SpeciesModel, VirtualSpecies, biodiversity_nano
from humboldt.domains.biodiversity.distribution.build import build_species
from humboldt.domains.biodiversity.distribution.estimator import as_network
from humboldt.foundations import Model
from tests.domains.biodiversity.distribution.small import environment, occurrences, region


@pytest.fixture(scope="module")
def held() -> SpeciesBatch:
    return VirtualSpecies(40, species=6, seed=77).split("test").batch(range(20))


@pytest.fixture(scope="module")
def nano() -> Model:
    return as_network(None)


def mean_auc(model: Model, batch: SpeciesBatch) -> float:
    assert batch.target is not None
    with torch.inference_mode():
        logit = model(batch).logit.flatten(0, 1).double().numpy()
    truth = batch.target.flatten(0, 1).numpy()
    present = np.random.default_rng(0).random(truth.shape) < truth
    told = [auc_roc(y, p) for y, p in zip(present, logit, strict=True) if 3 < y.sum() < len(y) - 3]
    return float(np.mean(told))


def test_pretraining_is_what_places_species(nano: Model, held: SpeciesBatch) -> None:
    torch.manual_seed(0)
    twin = build_species(biodiversity_nano()).eval()
    assert sum(p.numel() for p in nano.parameters()) < 4_000_000
    assert mean_auc(nano, held) > mean_auc(twin, held) + 0.1


def test_more_presences_place_better(nano: Model, held: SpeciesBatch) -> None:
    import dataclasses

    many = (held.presence_weight.sum(-1) > 20).all(1)
    assert many.sum() > 5
    parts = {f.name: getattr(held, f.name)[many] for f in dataclasses.fields(held)}
    whole = SpeciesBatch(**parts)
    first = torch.arange(whole.presence_weight.shape[-1]) < 3
    few = dataclasses.replace(whole, presence_weight=whole.presence_weight * first)
    assert mean_auc(nano, whole) > mean_auc(nano, few) + 0.01


def test_intervals_hold_the_truth_up_to_a_constant_of_the_species(nano: Model, held: SpeciesBatch) -> None:
    assert held.target is not None
    with torch.inference_mode():
        says = nano(held)
    error = torch.logit(held.target.clamp(1e-6, 1 - 1e-6)).clamp(-6, 6) - says.logit
    error = error - error.mean(-1, keepdim=True)
    inside = (error.abs() < 1.96 * says.deviation).float().mean()
    assert 0.85 < inside < 0.995


def test_in_season_species_are_placed_better_when_the_season_is_told(nano: Model) -> None:
    """Virtual species that move within the year, held out: presences of all months in, one month asked for."""
    import dataclasses

    data, told, untold = VirtualSpecies(200, species=6, seed=78).split("test"), [], []
    for index in range(60):
        batch = data.batch([index])
        if batch.season is not None and batch.presence_weight[0, 0].sum() > 20:
            told.append(mean_auc(nano, batch))
            untold.append(mean_auc(nano, dataclasses.replace(batch, season=None)))
    assert len(told) >= 5
    assert np.mean(told) > np.mean(untold)


def test_a_migrant_is_in_the_north_in_summer_and_in_the_south_in_winter() -> None:
    """Dated records through the door: found where it is warm in January and where it is cold in July."""
    layers = environment(region(side=32))
    warm = layers.layers.sel(layer="variable_1").values
    random, parts = np.random.default_rng(0), []
    for month, warmest in ((1, True), (7, False)):
        ranked = np.argsort(warm.ravel() * (1 if warmest else -1))[-256:]
        x, y = layers.places(*np.unravel_index(random.choice(ranked, 30, replace=False), layers.shape))
        date = f"2020-{month:02d}-15"
        parts.append(pd.DataFrame({"species": "m", "decimalLongitude": x, "decimalLatitude": y, "eventDate": date}))
    model = SpeciesModel(season=True).fit(pd.concat(parts), layers, background=400)
    january, july = (model.predict(layers, month=month)["suitability"].values[0] for month in (1, 7))
    low, high = np.quantile(warm, [0.25, 0.75])
    assert january[warm >= high].mean() > 1.15 * january[warm <= low].mean()
    assert july[warm <= low].mean() > 1.15 * july[warm >= high].mean()


def test_the_door_takes_it_by_default() -> None:
    here = region(side=32)
    layers = environment(here)
    maps = SpeciesModel().fit(occurrences(here), layers, background=400).predict(layers)
    found = [maps["suitability"].isel(species=s).values for s in range(2)]
    records = occurrences(here)
    for name, field in zip(maps["species"].values, found, strict=True):
        one = records[records["scientificName"] == name]
        rows, columns = layers.cells(one["decimalLongitude"], one["decimalLatitude"])
        assert np.mean(field[rows, columns]) > np.mean(field) * 1.05
