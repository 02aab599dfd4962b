"""The index of many species."""

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import living_planet_index


def series(**populations):
    """`species_population=[counts from 2000 on]`."""
    rows = [(name[0], name, 2000 + i, value) for name, values in populations.items() for i, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["species", "population", "year", "count"])


def test_populations_are_averaged_within_species_and_species_alike():
    table = series(a1=[100, 200], a2=[100, 50], a3=[100, 100], b1=[100, 10])
    index = living_planet_index(table)["index"]
    assert index.to_numpy() == pytest.approx([1, 10**-0.5])


def test_a_gap_is_bridged_and_ends_say_nothing():
    table = series(a1=[10, np.nan, 1000, np.nan], b1=[np.nan, 5, 5, 5])
    found = living_planet_index(table)
    assert found["index"].to_numpy() == pytest.approx([1, 10, 10 * 10**0.5, 10 * 10**0.5])
    assert found["species"].tolist() == [1, 1, 2, 1]


def test_a_change_counts_up_to_a_factor_of_ten():
    assert living_planet_index(series(a1=[1, 1000], b1=[1, 1000]))["index"].iloc[1] == pytest.approx(10)


def test_zeros_get_a_hundredth_of_the_mean():
    index = living_planet_index(series(a1=[2, 0, 4], b1=[1, 1, 1]), draws=2)["index"]
    assert index.iloc[2] == pytest.approx((4.02 / 2.02) ** 0.5 if 2.02 / 0.02 < 10 else 10**0.0)


def test_long_series_are_smoothed():
    noisy = 100 * 1.05 ** np.arange(20) * np.exp(0.3 * np.random.default_rng(0).standard_normal(20))
    table = series(a1=noisy, b1=noisy)
    rough, smooth = (np.diff(np.log(living_planet_index(table, smooth=s)["index"])) for s in (False, True))
    assert smooth.std() < 0.2 * rough.std()


def test_intervals_come_from_species_and_one_species_has_none():
    random = np.random.default_rng(0)
    many = {f"{chr(97 + i)}1": 100 * np.exp(np.cumsum(random.normal(0, 0.1, 5))) for i in range(20)}
    found = living_planet_index(series(**many), draws=200)
    assert (found["lower"].iloc[1:] < found["index"].iloc[1:]).all()
    assert (found["index"].iloc[1:] < found["upper"].iloc[1:]).all()
    pd.testing.assert_frame_equal(found, living_planet_index(series(**many), draws=200))
    assert living_planet_index(series(a1=[1, 2]))[["lower", "upper"]].isna().to_numpy().all()


def test_groups_are_weighted():
    table = series(a1=[1, 10], b1=[1, 10], c1=[1, 1])
    table["realm"] = np.where(table["species"] == "c", "dry", "wet")
    plain = living_planet_index(table, group="realm")["index"].iloc[1]
    weighted = living_planet_index(table, group="realm", weights={"wet": 3.0, "dry": 1.0})["index"].iloc[1]
    assert (plain, weighted) == (pytest.approx(10**0.5), pytest.approx(10**0.75))
    with pytest.raises(DataError, match="every group has a weight, got none for 'dry'"):
        living_planet_index(table, group="realm", weights={"wet": 1.0})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (series(a1=[1]), "two counts in different years, got none"),
        (series(a1=[1, -1]), "counts are at least 0, got -1"),
        (series(a1=[1, 2]).rename(columns={"count": "counts"}), "without 'count'; did you mean 'counts'"),
        (pd.concat([series(a1=[1, 2])] * 2), "got two of 'a1' in 2000; average them"),
    ],
)
def test_what_breaks_a_rule_is_named(table, message):
    with pytest.raises(DataError, match=message):
        living_planet_index(table)
