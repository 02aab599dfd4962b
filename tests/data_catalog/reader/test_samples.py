"""The reader's memory: what is kept, what is dropped, what is read together."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import GzipCodec, ZstdCodec

from humboldt.data_catalog import Column, DataError, SampleReader, ZarrReader, open_store


def reader(**choices: Any) -> tuple[SampleReader, np.ndarray]:
    values = np.random.default_rng(0).standard_normal((5, 3, 2, 4)).astype(np.float32)
    data = xr.Dataset({"u": (("sample", "time", "component", "x"), values)})
    columns = [Column(name=n, variable="u", index=(("component", i),), offset=float(i)) for i, n in enumerate("ab")]
    values[:, :, 1] -= 1
    return SampleReader(lambda: data.copy(deep=True), columns, ["x"], **choices), values


def test_samples_are_read_with_their_offsets():
    opened, _ = reader()
    raw = opened.dataset.u.values
    assert np.array_equal(opened.read([1, 2])[:, :, 0], raw[1:3, :, 0])
    assert np.array_equal(opened.read([1, 2])[:, :, 1], raw[1:3, :, 1] - 1)


def test_the_cache_drops_what_was_used_least_recently():
    opened, _ = reader()
    opened.cache_bytes = 2 * opened.bytes_per_sample
    for sample in (0, 1, 0, 2):
        opened.get([sample])
    assert list(opened.held.recent) == [0, 2]


def test_a_kept_part_is_read_once(monkeypatch):
    opened, _ = reader()
    opened.get([3], keep=[1, 3, 4])
    monkeypatch.setattr(opened, "read", lambda samples: pytest.fail(f"read {samples} again"))
    opened.get([1, 4, 3], keep=[1, 3, 4])


def test_neighbours_are_read_together(monkeypatch):
    opened, _ = reader()
    assert [numbers for numbers, _ in opened.blocks([0, 1, 3, 4, 2])] == [[0, 1], [3, 4], [2]]
    monkeypatch.setattr("humboldt.data_catalog.reader.samples.BLOCK", opened.bytes_per_sample)
    assert [numbers for numbers, _ in opened.blocks([0, 1])] == [[0], [1]]


def test_integers_are_read_as_floats_and_nan_is_counted():
    values = np.zeros((2, 3, 4))
    values[1, 2, :3] = np.nan
    data = xr.Dataset({"u": (("sample", "time", "x"), values), "n": (("sample", "x"), np.ones((2, 4), int))})
    columns = [Column(name="n", variable="n"), Column(name="u", variable="u")]
    with pytest.raises(DataError, match="got 3 NaN in variable 'u', first in sample 1 at time index 2; repair"):
        SampleReader(lambda: data, columns, ["x"]).read([0, 1])
    masked = SampleReader(lambda: data, columns, ["x"], missing="mask").read([1])
    assert (masked[0, :, 0] == 1).all()
    assert np.isnan(masked).sum() == 3


@pytest.mark.parametrize(
    "encoding", [{}, {"_FillValue": -9.0}, {"dtype": "i2", "scale_factor": 0.1, "_FillValue": -99}]
)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_folder_gives_what_xarray_gives(encoding, zarr_format, tmp_path):
    """Values that are stored as they are come straight from the chunks; others are decoded by xarray."""
    folder = str(tmp_path / "a.zarr")
    values = np.random.default_rng(0).normal(size=(4, 3, 2, 8)).round(1).astype("f4")
    values[1] = 0.0
    data = xr.Dataset({"u": (("sample", "time", "component", "x"), values)})
    data.to_zarr(folder, encoding={"u": encoding}, zarr_format=zarr_format, consolidated=False)
    columns = [Column(name=n, variable="u", index=(("component", i),)) for i, n in enumerate("ab")]
    through, straight = (SampleReader(partial(open_store, folder), columns, ["x"], path=f) for f in (None, folder))
    np.testing.assert_allclose(straight.read([1, 2]), through.read([1, 2]), rtol=3e-7, atol=1e-7)
    assert np.allclose(straight.read([1, 2])[:, :, 0], values[1:3, :, 0], atol=0.06)
    assert isinstance(straight.held.readers["u"][0], ZarrReader)


def test_a_layout_that_is_not_read_directly_is_said_once(tmp_path, caplog):
    folder = str(tmp_path / "a.zarr")
    values = np.arange(6.0).reshape(2, 3)
    array = zarr.create_group(folder).create_array(
        "u", data=values, compressors=[GzipCodec(), ZstdCodec()], dimension_names=("sample", "x")
    )
    assert array.shape == (2, 3)
    reader = SampleReader(partial(open_store, folder), [Column(name="u", variable="u")], ["x"], path=folder)
    for sample in (0, 1):
        assert np.array_equal(reader.read([sample])[0, 0, 0], values[sample])
    assert caplog.text.count("is read by zarr-python, h5py or xarray, at a fraction of the speed") == 1
    assert "one compressor" in caplog.text
    assert "humboldt convert" in caplog.text


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_a_value_that_is_no_number_is_found_in_a_chunk_that_is_converted(offset, tmp_path):
    values = np.random.default_rng(0).standard_normal((4, 3, 8)).astype("f4")
    values[2, 1, 5] = np.nan
    xr.Dataset({"u": (("sample", "time", "x"), values)}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    path = str(tmp_path / "a.zarr")
    opened = SampleReader(partial(open_store, path), [Column(name="u", variable="u", offset=offset)], ["x"], path=path)
    assert np.array_equal(opened.read([0, 3])[:, :, 0], values[[0, 3]] - np.float32(offset))
    with pytest.raises(DataError, match="1 NaN in variable 'u', first in sample 2 at time index 1"):
        opened.read([1, 2])
    with pytest.raises(DataError, match="first in sample 2"):
        opened.read_frames([2], np.array([[0, 1]]))
    assert np.isfinite(opened.read_frames([2], np.array([[0, 2]]))).all()
