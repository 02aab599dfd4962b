"""Records that look wrong are flagged, and dropped with a report."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import clean_occurrences, flag_occurrences, read_occurrences

LAND = shapely.box(0, 40, 20, 60)
EUROPE = geopandas.GeoSeries([LAND], crs="EPSG:4326").segmentize(0.1)


def records(*places, **columns):
    """(longitude, latitude) of one species."""
    longitude, latitude = zip(*places, strict=True)
    return read_occurrences(pd.DataFrame({"lon": longitude, "lat": latitude, "species": "s", **columns}))


@pytest.mark.parametrize(
    ("place", "failed"),
    [
        ((13.405, 52.517), set()),
        ((np.nan, 52.517), {"missing"}),
        ((13.405, 91.123), {"outside", "swapped"}),
        ((200.123, 52.517), {"outside"}),
        ((0.001, 0.002), {"zero", "sea"}),
        ((45.123, 45.123), {"equal", "sea"}),
        ((52.517, 13.405), {"swapped", "sea"}),
        ((13.4, 52.5), {"imprecise"}),
        ((10.001, 50.001), {"centroid"}),
        ((-5.123, 52.517), {"sea"}),
    ],
)
def test_each_fault_is_flagged(place, failed):
    flags = flag_occurrences(records(place), land=LAND, centroids=np.array([[10.0, 50.0]]))
    assert set(flags.columns[flags.iloc[0]]) == failed


def test_land_in_another_projection_is_the_same_land():
    table = records((13.405, 52.517), (-5.123, 52.517), (52.517, 13.405))
    flags = [flag_occurrences(table, land=land)[["sea", "swapped"]] for land in (LAND, EUROPE.to_crs("EPSG:3035"))]
    assert flags[0]["sea"].tolist() == [False, True, True]
    pd.testing.assert_frame_equal(*flags)


def test_countries_give_their_own_centres(tmp_path):
    countries = geopandas.GeoDataFrame({"name": ["L"]}, geometry=[shapely.box(0, -10, 20, 10)], crs="EPSG:4326")
    countries.to_file(tmp_path / "countries.gpkg")
    table = records((10.0001, 0.0001), (10.5, 0.5))
    for said in (countries, countries.geometry.to_crs("EPSG:3857"), tmp_path / "countries.gpkg", [(10.0, 0.0)]):
        assert flag_occurrences(table, centroids=said)["centroid"].tolist() == [True, False]


def test_uncertain_unwild_undated_and_repeated_records():
    table = records(
        (1.111, 50.111),
        (1.111, 50.111),
        (1.222, 50.222),
        (1.333, 50.333),
        (1.444, 50.444),
        eventDate=["2015-06-30", "2015-06-30", "2014-12-31", "2016-01-01", "soon"],
        coordinateUncertaintyInMeters=[10, 10, 99999, None, None],
        basisOfRecord=["HUMAN_OBSERVATION", "HUMAN_OBSERVATION", "HUMAN_OBSERVATION", "FOSSIL_SPECIMEN", "x"],
    )
    flags = flag_occurrences(table, uncertainty=1000.0, dates=("2015-01-01", "2015-12-31"))
    assert flags["duplicate"].tolist() == [False, True, False, False, False]
    assert flags["uncertain"].tolist() == [False, False, True, False, False]
    assert flags["unwild"].tolist() == [False, False, False, True, False]
    assert flags["date"].tolist() == [False, False, True, True, True]
    assert not flag_occurrences(table, dates=(None, "2015-06-30"))["date"].iloc[0]


def test_what_is_dropped_is_reported():
    table = records((1.111, 50.111), (1.111, 50.111), (0.0, 0.0), (1.2, 50.2))
    kept, report = clean_occurrences(table)
    assert len(kept) == 2
    assert report.loc["duplicate"].tolist() == [1, 1, False]
    assert report.loc["zero", "failed"] == 1
    assert report.loc["imprecise"].tolist() == [2, 0, True]
    assert len(clean_occurrences(table, keep=())[0]) == 1


def test_nothing_left_and_unknown_checks_are_named():
    with pytest.raises(DataError, match=r"no record of 1 passes all checks; failed: .*'zero': 1"):
        clean_occurrences(records((0.001, 0.002)))
    with pytest.raises(DataError, match=r"keep names checks, got 'imprecis'; did you mean 'imprecise'"):
        clean_occurrences(records((1.111, 50.111)), keep=["imprecis"])
    with pytest.raises(DataError, match="dates stand in the column eventDate"):
        flag_occurrences(records((1.1, 2.2)), dates=("2015", None))
    with pytest.raises(DataError, match=r"got no scientificName in .*; read them with read_occurrences first"):
        flag_occurrences(pd.DataFrame({"lon": [1.0], "lat": [2.0], "species": "s"}))
