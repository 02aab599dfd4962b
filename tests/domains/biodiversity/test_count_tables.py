"""Tables of counts: what is understood, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import living_planet_index, trim
from humboldt.domains.biodiversity.count_tables import checked_counts
from humboldt.domains.biodiversity.populations import forecast_counts

TABLE = pd.DataFrame(
    [(site, year, 5.0 + i + year % 3) for i, site in enumerate("abcd") for year in range(2001, 2007)],
    columns=["site", "year", "count"],
)
MANY = TABLE.rename(columns={"site": "species"}).assign(population=TABLE["site"])


@pytest.mark.parametrize("kind", [str, float, "Int64"])
def test_years_and_counts_of_other_types_say_the_same(kind):
    other = TABLE.assign(year=TABLE["year"].astype(kind), count=TABLE["count"].astype(str))
    pd.testing.assert_frame_equal(trim(other).indices, trim(TABLE).indices)
    pd.testing.assert_frame_equal(forecast_counts(other), forecast_counts(TABLE))
    many = MANY.assign(year=MANY["year"].astype(kind), count=MANY["count"].astype(object))
    pd.testing.assert_frame_equal(living_planet_index(many, draws=5), living_planet_index(MANY, draws=5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"year": pd.Timestamp("2001-05-01")}, r"got dates in 'year'; pass their years: table\['year'\].dt.year"),
        ({"year": "spring"}, "whole numbers such as 2001, got 'spring'"),
        ({"year": 2001.5}, "whole numbers such as 2001, got 2001.5"),
        ({"count": "many"}, "counts are numbers, or missing where nothing was counted, got 'many'"),
        ({"count": np.inf}, "counts are numbers, or missing where nothing was counted, got inf"),
        ({"count": -1}, "counts are at least 0, got -1"),
        ({"site": None}, "every row says its site, got none in row 0"),
    ],
)
def test_what_breaks_a_rule_is_named(change, message):
    with pytest.raises(DataError, match=message):
        checked_counts(TABLE.assign(**change), ["site", "year", "count"], year="year", count="count")


def test_groups_with_numbers_for_names_are_weighted():
    many = MANY.assign(realm=np.where(MANY["species"] == "a", 1, 2))
    plain = living_planet_index(many, group="realm", draws=1)["index"]
    weighted = living_planet_index(many, group="realm", weights={1: 9.0, 2: 1.0}, draws=1)["index"]
    assert not np.allclose(plain, weighted)
