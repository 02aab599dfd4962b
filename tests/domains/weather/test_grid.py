"""Where points are, and how much they count."""

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Grid, merra2, regular


def test_area_weights_are_cell_areas_with_mean_one():
    grid = regular(5, 8, poles=True)
    edges = np.deg2rad([-90, -67.5, -22.5, 22.5, 67.5, 90])
    area = np.diff(np.sin(edges))
    np.testing.assert_allclose(grid.area_weights(), area / area.mean())
    assert regular(5, 8, poles=True, south_first=False).area_weights()[0] == pytest.approx(grid.area_weights()[0])
    assert grid.cosine_weights()[0] == pytest.approx(0, abs=1e-15)


def test_only_a_closed_circle_is_periodic():
    assert regular(4, 8).periodic
    assert merra2().periodic
    assert merra2().shape == (360, 576)
    assert merra2(pole=True).latitude[-1] == 90
    assert not Grid((0.0, 1.0), tuple(np.arange(0, 350, 10.0))).periodic
    assert not Grid((0.0, 1.0), (170.0, 180.0, 190.0)).periodic


@pytest.mark.parametrize(
    ("latitude", "longitude", "message"),
    [
        ((0, 100), (0, 1), r"degrees within \[-90, 90\], got 0 to 100"),
        ((0, 2, 1), (0, 1), r"rise or fall strictly"),
        ((0, 1), (170, 180, -170), r"also where a region crosses the dateline"),
        ((0, 1), tuple(range(0, 361, 60)), r"drop the cyclic column"),
    ],
)
def test_refusals(latitude, longitude, message):
    with pytest.raises(DataError, match=message):
        Grid(tuple(map(float, latitude)), tuple(map(float, longitude)))
