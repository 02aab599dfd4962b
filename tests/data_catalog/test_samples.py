"""The reader's memory: what is kept, what is dropped, what is read together."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import Column, DataError, SampleReader


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
    monkeypatch.setattr("humboldt.data_catalog.samples.BLOCK", opened.bytes_per_sample)
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
