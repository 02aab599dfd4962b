import time

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog.converter import estimating
from humboldt.data_catalog.converter.chunking import ArrayPlan
from humboldt.data_catalog.converter.estimating import duration, said, seconds_of

PLAN = ArrayPlan(
    name="u", dims=("time", "x"), shape=(100, 50), dtype=np.dtype("f4"), chunks=(1, 50), shards=(5, 50), region=(50, 50)
)


def test_a_slow_shard_makes_a_long_estimate(monkeypatch):
    read = estimating.read_box

    def slow(variable, box):
        assert [s.stop - s.start for s in box] == [5, 50]
        time.sleep(0.05)
        return read(variable, box)

    monkeypatch.setattr(estimating, "read_box", slow)
    data = xr.DataArray(np.zeros((100, 50), "f4"), dims=("time", "x"))
    assert seconds_of(data, PLAN, "lz4") >= 20 * 0.05


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (4.21, "4.2 s"), (89.0, "89 s"), (600.0, "10 min"), (9000.0, "2.5 h")]
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_the_sum_is_shared_by_the_workers():
    assert said({"u": 90.0, "v": 30.0}, 2).startswith("about 60 s with 2 of the processor's cores, most of it for u,")
