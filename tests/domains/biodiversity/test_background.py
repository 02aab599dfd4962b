"""Where presences are compared with."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401
import shapely
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import (
    open_environment,
    read_occurrences,
    regional_background,
    sample_background,
    target_group_background,
)
from tests.domains.biodiversity.layers import layers


@pytest.fixture
def environment():
    return open_environment(layers())


def test_every_cell_with_values_can_be_drawn_once(environment):
    drawn = sample_background(environment, 19)
    assert sorted(drawn["warm"]) == list(range(1, 20))
    pd.testing.assert_frame_equal(drawn, sample_background(environment, 19))
    with pytest.raises(DataError, match="of which there are 19, got a wish for 20; ask for fewer"):
        sample_background(environment, 20)


def test_cells_in_degrees_are_drawn_by_their_area(environment):
    drawn = sample_background(environment, 200_000, replace=True)
    share = (drawn["decimalLatitude"] == 50).mean() / (drawn["decimalLatitude"] == 52).mean()
    assert share == pytest.approx(np.cos(np.radians(50)) / np.cos(np.radians(52)), rel=0.02)


def test_effort_weighs_cells_and_polygons_bound_them(environment):
    effort = np.zeros((4, 5))
    effort[2, 3], effort[1, 1], effort[0, 0] = 3, 1, 5
    drawn = sample_background(environment, 20_000, weight=effort, replace=True)
    shares = drawn["warm"].value_counts(normalize=True)
    ratio = np.cos(np.radians(51)) / np.cos(np.radians(52))
    assert set(shares.index) == {13.0, 6.0}
    assert shares[13.0] / shares[6.0] == pytest.approx(3 * ratio, rel=0.05)
    within = geopandas.GeoSeries([shapely.box(11.5, 49.5, 13.5, 51.5)], crs="EPSG:4326").to_crs("EPSG:3857")
    assert sorted(sample_background(environment, 4, within=within)["warm"]) == [12, 13, 17, 18]
    with pytest.raises(DataError, match=r"lies on the grid of the layers \(4, 5\), got \(2, 2\)"):
        sample_background(environment, 1, weight=np.ones((2, 2)))
    with pytest.raises(DataError, match="effort is at least 0, got -1"):
        sample_background(environment, 1, weight=-np.ones((4, 5)))


def test_a_bias_file_of_any_grid_is_looked_up_in_each_cell(environment, tmp_path):
    x, y = np.arange(9.7, 15, 0.5), np.arange(49.7, 54, 0.5)  # finer, and from the south
    effort = xr.DataArray(np.zeros((len(y), len(x)), np.float32), {"y": y, "x": x}, ("y", "x"), name="effort")
    effort.loc[{"x": slice(11.9, 14.9), "y": slice(51.6, 52.4)}] = 2.0
    effort.rio.write_crs("EPSG:4326").rio.to_raster(tmp_path / "bias.tif")
    for weight in (tmp_path / "bias.tif", effort, open_environment(tmp_path / "bias.tif")):
        assert sorted(sample_background(environment, 3, weight=weight)["warm"]) == [7, 8, 9]
        with pytest.raises(DataError, match="of which there are 3, got a wish for 4"):
            sample_background(environment, 4, weight=weight)
    with pytest.raises(DataError, match=r"a map of effort is one layer, got \['warm', 'wet'\]; choose one"):
        sample_background(environment, 1, weight=environment)


def test_polygons_in_the_west_bound_layers_that_count_eastwards():
    east = open_environment(layers().assign_coords(x=np.arange(200.0, 205)))
    west = geopandas.GeoSeries([shapely.box(-158.5, 49.5, -156.5, 51.5)], crs="EPSG:4326")
    assert sorted(sample_background(east, 4, within=west)["warm"]) == [12, 13, 17, 18]


def test_polygons_are_read_from_a_file(environment, tmp_path):
    shape = geopandas.GeoDataFrame({"geometry": [shapely.box(11.5, 49.5, 13.5, 51.5)]}, crs="EPSG:4326")
    shape.to_file(tmp_path / "park.gpkg")
    assert sorted(sample_background(environment, 4, within=tmp_path / "park.gpkg")["warm"]) == [12, 13, 17, 18]
    assert regional_background(environment, str(tmp_path / "park.gpkg"), 2)["region"].tolist() == [0, 0]
    with pytest.raises(DataError, match=r"polygons are a file, .* got list; make one with geopandas"):
        sample_background(environment, 1, within=[(1, 2)])


def test_cells_of_presences_can_be_left_out(environment):
    presences = read_occurrences(pd.DataFrame({"lon": [12.1], "lat": [51.2], "species": "s"}))
    assert 12.0 not in set(sample_background(environment, 18, without=presences)["warm"])


def test_a_target_group_gives_the_cells_where_people_looked(environment):
    group = pd.DataFrame({"lon": [12.1, 12.2, 10.0, 10.0, 99.0], "lat": [51.2, 51.1, 53.0, 52.0, 0.0], "species": "s"})
    found = target_group_background(environment, read_occurrences(group))
    assert sorted(found["warm"]) == [5, 12]
    with pytest.raises(DataError, match="got none of 1 records there"):
        target_group_background(environment, read_occurrences(group.tail(1)))


def test_regions_have_as_many_each(environment):
    shapes = [shapely.box(9.5, 49.5, 11.5, 53.5), shapely.box(11.5, 49.5, 14.5, 53.5)]
    regions = geopandas.GeoDataFrame({"geometry": shapes}, index=["west", "east"], crs="EPSG:4326")
    found = regional_background(environment, regions, 5)
    assert found["region"].value_counts().to_dict() == {"west": 5, "east": 5}
    assert (found.loc[found["region"] == "west", "decimalLongitude"] < 11.5).all()
