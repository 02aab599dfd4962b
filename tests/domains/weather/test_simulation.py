"""What the simulations share: the grid, and mountains."""

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather.simulation import Mountain, gaussian_grid


def test_a_mountain_stands_where_it_is_put_and_across_the_dateline():
    mountain = Mountain(height=2000.0, latitude=40.0, longitude=359.0, width=15.0)
    heights = mountain.altitude(np.array([40.0, 40.0, 40.0, 55.0]), np.array([359.0, 14.0, 344.0, 359.0]))
    assert heights[0] == pytest.approx(2000)
    assert heights[1] == pytest.approx(heights[2])
    assert heights[3] == pytest.approx(2000 * np.exp(-1))


def test_a_number_of_rows_without_a_truncation_is_refused():
    with pytest.raises(DataError, match=r"one of \[32, 48, 64, 128\] rows, got 50"):
        gaussian_grid(50)
