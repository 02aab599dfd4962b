"""The weights that come with the package, on virtual species that no training has seen."""

import numpy as np
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


def test_the_door_takes_it_by_default() -> None:
    here = region(side=32)
    layers = environment(here)
    maps = SpeciesModel().fit(occurrences(here), layers, background=400).predict(layers)
    found = [maps["suitability"].isel(species=s).values for s in range(2)]
    records = occurrences(here)
    for name, field in zip(maps["species"].values, found, strict=True):
        one = records[records["scientificName"] == name]
        rows, columns = layers.cells(one["decimalLongitude"], one["decimalLatitude"])
        assert np.mean(field[rows, columns]) > np.mean(field) * 1.2
