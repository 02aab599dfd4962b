"""The published layout: statistics and bounds are checked by the golden cases; here the refusals."""

import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather import open_wxc_files, published_sample, read_wxc_statistics

NAMES = {"surface": ["T2M", "U10M", "PS"], "vertical": ["H", "T"], "levels": [41.0, 56.0, 72.0], "static": ["FRLAND"]}


@pytest.fixture
def folder(root):
    return root / "tests" / "parity" / "cases" / "prithvi_wxc" / "loader"


def test_levels_are_found_by_value_whatever_their_order(folder):
    data = open_wxc_files(folder / "merra-2", folder / "climatology", **NAMES)
    assert data.grid.shape == (8, 8)
    assert [c.name for c in data.channels[3:6]] == ["H_m41", "H_m56", "H_m72"]
    batch = data.batch([0])
    other = open_wxc_files(folder / "merra-2", folder / "climatology", **{**NAMES, "levels": [72.0, 41.0]}).batch([0])
    assert (other.sel("H", 41) == batch.sel("H", 41)).all()


def test_any_lead_time_without_target_files(folder):
    data = open_wxc_files(folder / "merra-2", None, **NAMES, lead_times=[240], targets=False)
    assert data.batch([0]).target is None


def test_refusals(folder, tmp_path):
    data = open_wxc_files(folder / "merra-2", tmp_path, **NAMES)
    with pytest.raises(DataError, match=r"climate_surface_doy001_hour06.nc and .* neither is in"):
        data.batch([0])
    with pytest.raises(DataError, match=r"no sample with the last state 2020-01-01T03:00:00, 6 h"):
        published_sample(data, "2020-01-01T03:00:00", 6, 6)
    with pytest.raises(DataError, match=r"read from musigma_surface.nc, which is not in"):
        read_wxc_statistics(tmp_path, *NAMES.values())
