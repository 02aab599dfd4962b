"""Statistics equal those of the whole array, and are kept beside the data."""

import json
import os

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import Moments, read_statistics, write_statistics


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, 99), max_size=4), shift=st.sampled_from([0.0, 1e4]), seed=st.integers(0, 999))
def test_moments_of_pieces_are_those_of_the_whole(cuts, shift, seed):
    values = shift + np.random.default_rng(seed).standard_normal((100, 2, 3))
    values[::7, 1] = np.nan
    moments = Moments(2)
    for piece in np.split(values, sorted(set(cuts))):
        moments.update(piece)
    np.testing.assert_allclose(moments.mean, np.nanmean(values, axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, np.nanvar(values, axis=(0, 2)), rtol=1e-9)


def test_records_are_kept_beside_the_data(tmp_path, monkeypatch):
    data = tmp_path / "run.nc"
    assert write_statistics(data, "first", {"u": 1.0}) == tmp_path / "run.statistics.json"
    write_statistics(data, "second", {"u": 2.0})
    monkeypatch.setattr("humboldt.data_catalog.statistics.channels._this_session", {})
    assert read_statistics(data, "first") == {"u": 1.0}
    assert read_statistics(data, "second") == {"u": 2.0}
    assert read_statistics(data, "third") is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.statistics.json"]


@pytest.mark.parametrize("changed", ["run.nc", "run.zarr"])
def test_records_of_data_that_were_changed_are_not_taken(tmp_path, changed):
    data = tmp_path / changed
    if data.suffix == ".zarr":
        (data / "c").mkdir(parents=True)
    part = data / "c" / "0" if data.is_dir() else data
    part.write_bytes(b"before")
    write_statistics(data, "key", {"u": 1.0})
    assert read_statistics(data, "key") == {"u": 1.0}
    part.write_bytes(b"behind")  # of the same size
    os.utime(part, ns=(0, part.stat().st_mtime_ns + 1))
    assert read_statistics(data, "key") is None
    write_statistics(data, "another", {"u": 2.0})
    assert (read_statistics(data, "key"), read_statistics(data, "another")) == (None, {"u": 2.0})


def test_a_folder_that_cannot_be_written_sends_them_to_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "archive"
    folder.mkdir()
    folder.chmod(0o555)
    written = write_statistics(folder / "run.nc", "key", {"u": 3.0})
    folder.chmod(0o755)
    assert list(folder.iterdir()) == []
    assert written is not None
    assert written.parent == tmp_path / "cache" / "humboldt" / "statistics"
    assert json.loads(written.read_text())["statistics"] == {"key": {"u": 3.0}}


def test_without_a_place_to_write_they_stay_in_memory(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    folder = tmp_path / "archive"
    folder.mkdir()
    folder.chmod(0o555)
    assert write_statistics(folder / "run.nc", "kept", {"u": 4.0}) is None
    folder.chmod(0o755)
    assert read_statistics(folder / "run.nc", "kept") == {"u": 4.0}


def test_a_damaged_record_is_no_record(tmp_path):
    (tmp_path / "run.statistics.json").write_text('{"damaged": ')
    assert read_statistics(tmp_path / "run.nc", "damaged") is None


@pytest.mark.parametrize("source", [xr.Dataset(), "https://example.org/run.zarr", ["a.nc", "b.nc"]])
def test_sources_without_a_folder_are_kept_in_memory(source):
    assert write_statistics(source, "memory", {"u": 5.0}) is None
    assert read_statistics(source, "memory") == {"u": 5.0}
    assert read_statistics(xr.Dataset(), "memory") is None
