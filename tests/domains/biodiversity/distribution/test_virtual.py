import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import auc_roc
from humboldt.domains.biodiversity.distribution import virtual_occurrences, virtual_region, virtual_species
from humboldt.domains.biodiversity.distribution.virtual import dated_survey, seasonal_species, smooth_field, survey


def test_fields_are_smooth_and_standard() -> None:
    field = smooth_field(np.random.default_rng(0), 64)
    assert abs(field.mean()) < 1e-9
    assert abs(field.std() - 1) < 1e-9
    neighbours = np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]
    assert neighbours > 0.8


def test_a_region_has_the_variables_that_were_asked_for_and_none_is_constant() -> None:
    for seed in range(20):
        region = virtual_region(np.random.default_rng(seed), 6, 24)
        assert region.variables.shape == (6, 24, 24)
        assert (region.variables.std((1, 2)) > 0).sum() >= 5
        assert region.effort.min() > 0
        assert region.effort.max() == 1


def test_species_answer_to_their_environment() -> None:
    """A smooth model of the true variables tells suitable cells from others in most species; of shuffled ones not."""
    from scipy.spatial import cKDTree

    found, chance, random = [], [], np.random.default_rng(0)
    for seed in range(4):
        region = virtual_region(np.random.default_rng(seed), 8, 32)
        x = region.variables.reshape(8, -1).T
        x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
        for probability in virtual_species(np.random.default_rng(seed), region, 6):
            truth = random.random(1024) < probability.ravel()
            if 20 < truth.sum() < 1000:
                _, near = cKDTree(x).query(x, 16)
                found.append(auc_roc(truth, truth[near[:, 1:]].mean(1)))
                chance.append(auc_roc(truth, truth[random.permutation(near)[:, 1:]].mean(1)))
    assert np.mean(found) > 0.7
    assert abs(np.mean(chance) - 0.5) < 0.05


def test_people_find_species_where_they_look_and_where_it_is() -> None:
    random = np.random.default_rng(3)
    region = virtual_region(random, 5, 32)
    probability = np.full((32, 32), 0.2)
    probability[:, :8] = 0.8
    rows, columns = survey(random, region, probability, 200)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 200
    expected = (probability * region.effort)[:, :8].sum() / (probability * region.effort).sum()
    assert abs((columns < 8).mean() - expected) < 0.15


def test_most_species_move_with_the_year_and_are_found_where_they_are_then() -> None:
    random = np.random.default_rng(0)
    region = virtual_region(random, 6, 24)
    monthly = seasonal_species(random, region, 12)
    assert monthly.shape == (12, 12, 24, 24)
    alike = [np.corrcoef(one.reshape(12, -1)).min() for one in monthly]
    assert 4 <= sum(a < 0.5 for a in alike) < 12
    assert sum(a > 0.999 for a in alike) >= 1
    flat = monthly.reshape(12, 12, -1)
    own, opposite = [], []
    for species, a, (cells, months) in zip(flat, alike, dated_survey(random, region, monthly, 100), strict=True):
        assert len(cells) == len(months) <= 100
        if a > 0.5:
            continue
        own.append(species[months, cells].mean())
        opposite.append(species[(months + 6) % 12, cells].mean())
    assert np.mean(own) > 1.3 * np.mean(opposite)


def test_records_are_in_darwin_core_and_on_the_grid() -> None:
    region = virtual_region(np.random.default_rng(0), 5, 24)
    probability = virtual_species(np.random.default_rng(0), region, 3)
    records = virtual_occurrences(region, probability, 10)
    assert records.groupby("scientificName").size().tolist() == [10, 10, 10]
    layers = region.layers()
    assert set(records["decimalLatitude"]) <= set(layers["y"].values)


def test_an_impossible_region_is_refused() -> None:
    with pytest.raises(DataError, match="8 cells a side at least, got 3 variables and 4 cells"):
        virtual_region(np.random.default_rng(0), 3, 4)
