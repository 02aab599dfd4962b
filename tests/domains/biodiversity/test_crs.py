"""Coordinates from one reference system to another."""

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import read_occurrences
from humboldt.domains.biodiversity.crs import crs_name, is_geographic, is_same_crs, to_degrees


def test_names_and_sameness():
    assert crs_name(32737) == "EPSG:32737"
    assert is_same_crs("EPSG:4326", "OGC:CRS84")
    assert is_same_crs(None, None)
    assert not is_same_crs(None, "EPSG:4326")
    assert not is_same_crs("EPSG:4326", "EPSG:4258")
    assert (is_geographic("EPSG:4258"), is_geographic(32737)) == (True, False)


def test_metres_of_a_meridian_become_degrees():
    x, y = to_degrees([500_000.0, 500_000.0], [10_000_000.0, 9_000_000.0], 32737)
    np.testing.assert_allclose(x, 39.0, atol=1e-9)
    assert y[0] == pytest.approx(0, abs=1e-9)
    assert y[1] == pytest.approx(-1e6 / 0.9996 / 110_574, abs=0.05)  # the length of a degree at the equator


def test_an_unknown_one_is_refused():
    table = {"lat": [1.0], "lon": [2.0], "species": ["s"]}
    with pytest.raises(DataError, match=r"got 'UTM 37S'; look it up at https://epsg.io"):
        read_occurrences(pd.DataFrame(table), crs="UTM 37S")
