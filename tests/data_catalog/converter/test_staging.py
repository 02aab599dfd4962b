"""Data that are stored across the way in which they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import convert
from humboldt.data_catalog.converter import shards
from humboldt.data_catalog.converter.chunking import plan_array
from humboldt.data_catalog.converter.staging import detour, reading
from humboldt.data_catalog.reader.local_files import LocalFiles
from tests.data_catalog.source_files import contents

SMALL: dict[str, Any] = {"progress": False, "shard_bytes": 4096, "memory": 6 * 8192}


def across(path: Path, times: int = 64) -> xr.Dataset:
    """All times of a small area in a chunk; beside it a mask that is stored whole."""
    values = np.random.default_rng(0).standard_normal((times, 16, 16)).astype(np.float32)
    values[5, 3, :4] = np.nan
    data = xr.Dataset({"u": (("time", "y", "x"), values, {"units": "m s-1"}), "mask": (("y", "x"), np.eye(16))})
    data.to_zarr(path, encoding={"u": {"chunks": (times, 2, 4)}}, consolidated=False)
    return data


def test_the_values_are_the_same_and_each_chunk_is_read_once(tmp_path, monkeypatch):
    truth = across(tmp_path / "a.zarr")
    reads: dict[str, int] = {}
    read_all = LocalFiles.read_all

    def counted(self: LocalFiles, name: str, most: int) -> Any:
        if self.folder.endswith("a.zarr/u"):
            reads[name] = reads.get(name, 0) + 1
        return read_all(self, name, most)

    monkeypatch.setattr(LocalFiles, "read_all", counted)
    path = convert(tmp_path / "a.zarr", tmp_path / "b.zarr", **SMALL)
    back = xr.open_zarr(path)
    assert back.u.encoding["chunks"] == (1, 16, 16)
    assert back.u.attrs["units"] == "m s-1"
    assert np.array_equal(back.u.values, truth.u.values, equal_nan=True)
    assert np.array_equal(back["mask"].values, truth["mask"].values)
    assert len(reads) == 32
    assert max(reads.values()) <= 2  # once for the values; a few for the choice of a codec
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]
    record = back.attrs["humboldt_conversion"]
    assert record["sources"] == {"a.zarr": shards.sha256(str(tmp_path / "a.zarr"))}
    assert record["missing"] == {"u": 4, "mask": 0}


@pytest.mark.parametrize("stop", [3, 30, 75])
def test_an_interrupted_run_goes_on_in_either_stage(tmp_path, monkeypatch, stop):
    across(tmp_path / "a.zarr")
    convert(tmp_path / "a.zarr", tmp_path / "whole.zarr", **SMALL)
    write = shards.write_shard
    written: list[tuple[str, str]] = []

    def dying(files: Any, array: str, key: str, *rest: Any) -> int:
        if len(written) == stop:
            raise KeyboardInterrupt
        size = write(files, array, key, *rest)
        written.append((str(files.root), key))
        return size

    monkeypatch.setattr(shards, "write_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "a.zarr", tmp_path / "b.zarr", scheduler="here", **SMALL)
    assert not (tmp_path / "b.zarr").exists()
    stop = -1
    again = len(written)
    convert(tmp_path / "a.zarr", tmp_path / "b.zarr", scheduler="here", **SMALL)
    twice = {*written[:again]} & {*written[again:]}
    assert len(twice) < 8, "more than the region under way was written again"
    assert contents(tmp_path / "b.zarr") == contents(tmp_path / "whole.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "b.zarr", "whole.zarr"]


def test_a_dry_run_says_it(tmp_path, capsys):
    across(tmp_path / "a.zarr")
    convert(tmp_path / "a.zarr", tmp_path / "b.zarr", dry_run=True, **SMALL)
    said = capsys.readouterr().out
    assert "through a store in between" in said
    assert "in between   pieces of {" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr"]


@settings(deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 70), st.integers(1, 40), st.integers(1, 40)),
    stored=st.tuples(st.integers(1, 70), st.integers(1, 40), st.integers(1, 40)),
    room=st.integers(200, 4000),
)
def test_a_detour_is_never_longer(sizes, stored, room):
    """Reading into the store in between and the two more passes cost less than reading straight; pieces fit."""
    dims = ("time", "y", "x")
    native = {d: min(c, n) for d, c, n in zip(dims, stored, sizes, strict=True)}
    lengths = {"time": 1, "y": sizes[1], "x": sizes[2]}
    data = xr.Dataset({"u": (dims, np.empty(sizes, np.float32))})
    data.u.encoding = {"preferred_chunks": native}
    plan = plan_array("u", dims, sizes, np.dtype("f4"), lengths, native=native, shard_bytes=1, region_bytes=4 * room)
    way = detour(data, [plan], 4 * room)
    if way is not None:
        assert reading(data, plan, way.window, 4 * room) + 2 < plan.amplification
        assert all(1 <= way.window[d] <= n for d, n in zip(dims, sizes, strict=True))
