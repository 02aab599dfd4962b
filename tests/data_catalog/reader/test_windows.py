"""A window holds the values that its positions say."""

import numpy as np
import pytest
import zarr

from humboldt.data_catalog import Conversion, DataError, WindowReader, Windows, amplification, open_array, pairs, tiles
from humboldt.data_catalog.reader.amplification import fitting_length

SHAPE = (12, 3, 10, 16)
VALUES = np.random.default_rng(0).normal(size=SHAPE).astype("f4")
DIMS = ("time", "level", "y", "x")


@pytest.fixture
def reader(tmp_path):
    zarr.create_group(str(tmp_path)).create_array("u", data=VALUES, chunks=(4, 3, 5, 16))
    return open_array(tmp_path, "u")


def test_pairs_are_history_and_a_later_state():
    assert pairs(5, [1, 3], history=2).tolist() == [[0, 1, 2], [0, 1, 4], [1, 2, 3], [2, 3, 4]]
    assert pairs(5, [2], stride=2).tolist() == [[0, 2], [2, 4]]
    with pytest.raises(DataError, match=r"leads fit into 5 steps.*got \[9\]"):
        pairs(5, [9])


def test_tiles_cover_the_axis_with_halos():
    assert tiles(7, 3, halo=1).tolist() == [[-1, 0, 1, 2, 3], [2, 3, 4, 5, 6], [3, 4, 5, 6, -1]]
    assert tiles(6, 3, halo=1, periodic=True).tolist() == [[5, 0, 1, 2, 3], [2, 3, 4, 5, 0]]
    assert tiles(5, 5).tolist() == [[0, 1, 2, 3, 4]]
    with pytest.raises(DataError, match="1 to the 5 positions of its axis, got 6"):
        tiles(5, 6)


def test_windows_of_time_levels_and_space(reader):
    cuts = {
        "time": pairs(12, [2]),
        "level": np.array([[2, 0]]),
        "y": tiles(10, 5, halo=1),
        "x": tiles(16, 8, halo=2, periodic=True),
    }
    windows = Windows(dims=DIMS, shape=SHAPE, positions=cuts)
    assert len(windows) == 10 * 2 * 2
    source = WindowReader([reader, reader], windows, [None, Conversion(shift=1.0, factor=2.0)])
    chosen = [0, 39, 17]
    found = source.read_many(chosen)
    for n, number in enumerate(chosen):
        time, y, x = np.unravel_index(number, (10, 2, 2))
        rows = cuts["y"][y]
        expected = VALUES[cuts["time"][time]][:, [2, 0]][:, :, rows][..., cuts["x"][x]]
        expected[:, :, rows == -1] = np.nan
        np.testing.assert_array_equal(found[n, 0], expected)
        np.testing.assert_allclose(found[n, 1], 2 * (expected - 1), rtol=1e-6)


def test_windows_that_the_array_does_not_have_are_refused(reader):
    with pytest.raises(DataError, match=r"along the dimensions .* got 'z'"):
        Windows(dims=DIMS, shape=SHAPE, positions={"z": tiles(5, 5)})
    with pytest.raises(DataError, match="positions along 'time' are a table"):
        Windows(dims=DIMS, shape=SHAPE, positions={"time": np.array([[12]])})
    with pytest.raises(DataError, match="shape of the windows"):
        WindowReader([reader], Windows(dims=("x",), shape=(16,), positions={}))
    with pytest.raises(IndexError, match="windows 0 to 0, got 1"):
        Windows(dims=DIMS, shape=SHAPE, positions={})[1]


def test_chunks_that_do_not_fit_are_said_with_the_cure(reader, caplog):
    windows = Windows(dims=DIMS, shape=SHAPE, positions={"time": np.arange(12)[:, None]})
    found = amplification(reader, windows, source="runs.zarr")
    assert found.factor == pytest.approx(4.0)
    assert found.cure == "humboldt convert runs.zarr runs.rechunked.zarr --window '{time: 1}'"
    assert "4.0 bytes are read and decoded for every byte used" in caplog.text
    caplog.clear()
    whole = Windows(dims=DIMS, shape=SHAPE, positions={"time": np.arange(12).reshape(3, 4)})
    assert amplification(reader, whole).factor == 1.0
    assert not caplog.text


@pytest.mark.parametrize(
    ("positions", "size", "length"),
    [
        (np.arange(12)[:, None], 12, 1),
        (np.arange(12).reshape(3, 4), 12, 4),
        (pairs(60, [1, 4], history=2), 60, 1),  # neighbours, and a later one
        (np.array([[3, 7]]), 8, 1),
        (np.array([[4, 5, 6, 7]]), 8, 4),
        (tiles(360, 90, halo=8, periodic=True), 360, 26),
        (tiles(16, 16), 16, 16),
    ],
)
def test_chunks_that_fit_windows_are_as_long_as_they_may_be(positions, size, length):
    assert fitting_length(positions, size) == length
