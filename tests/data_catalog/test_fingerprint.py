"""Another fingerprint for other data, the same for the same, without reading what lies in files."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from humboldt.data_catalog import files_fingerprint, source_fingerprint


def states(count: int = 6) -> xr.Dataset:
    values = np.random.default_rng(0).standard_normal((count, 4, 4))
    return xr.Dataset({"u": (("sample", "x", "y"), values, {"units": "m"})}, {"sample": np.arange(count)})


def store(path, **chunks):
    states().to_zarr(path, encoding={"u": {"chunks": (1, 4, 4)}}, zarr_format=2)
    return path


def test_a_copy_that_keeps_times_is_the_same_and_any_change_is_another(tmp_path):
    path = store(tmp_path / "a.zarr")
    before = files_fingerprint(path)
    shutil.copytree(path, tmp_path / "b.zarr")
    assert files_fingerprint(tmp_path / "b.zarr") == before
    chunk = path / "u" / "3.0.0"
    content = bytearray(chunk.read_bytes())
    content[-1] ^= 1
    chunk.write_bytes(content)  # of the same size, later
    assert files_fingerprint(path) != before
    os.utime(chunk, ns=(0, (tmp_path / "b.zarr" / "u" / "3.0.0").stat().st_mtime_ns))
    assert files_fingerprint(path) == before  # what nobody can see without reading it
    chunk.rename(path / "u" / "3.0.1")
    assert files_fingerprint(path) != before


def test_patterns_are_the_files_that_fit(tmp_path):
    for name in ("a.nc", "b.nc"):
        (tmp_path / name).write_text(name)
    before = files_fingerprint(f"{tmp_path}/*.nc")
    (tmp_path / "c.txt").write_text("")
    assert files_fingerprint(f"{tmp_path}/*.nc") == before
    (tmp_path / "c.nc").write_text("")
    assert files_fingerprint(f"{tmp_path}/*.nc") != before
    with pytest.raises(FileNotFoundError, match=r"told apart by their files, but there are none at .*d.nc"):
        files_fingerprint(tmp_path / "d.nc")


@pytest.mark.parametrize("name", ["s.nc", "s.zarr"])
def test_selections_of_a_file_are_told_apart_and_its_middle_is_not_read(tmp_path, name, monkeypatch):
    path = tmp_path / name
    states().drop_vars("sample").to_zarr(path, zarr_format=2) if name.endswith("zarr") else states().to_netcdf(path)

    def opened():
        return xr.open_zarr(path) if name.endswith("zarr") else xr.open_dataset(path)

    found = {
        "all": opened(),
        "again": opened(),
        "first": opened().isel(sample=slice(0, 3)),
        "last": opened().isel(sample=slice(3, 6)),
        "one": opened().isel(sample=2),
    }
    read: list[tuple[int, ...]] = []
    real = vars(xr.Variable)["values"].fget

    def values(variable):
        read.append(variable.shape)
        return real(variable)

    monkeypatch.setattr(xr.Variable, "values", property(values))
    prints = {key: source_fingerprint(data) for key, data in found.items()}
    assert prints["all"] == prints.pop("again")
    assert len({*prints.values()}) == 4
    assert all(shape[0] in (1, 4) for shape in read if len(shape) > 1)
    (path / "more" if path.is_dir() else path).write_bytes(b"other")
    assert source_fingerprint(found["all"]) != prints["all"]


def test_what_lies_in_memory_is_read_all():
    data, other = states(), states()
    assert source_fingerprint(data) == source_fingerprint(other)
    other["u"][3, 1, 1] += 1
    assert source_fingerprint(data) != source_fingerprint(other)
    lazily = [one.chunk({"sample": 2}) * 2 for one in (data, other)]
    assert source_fingerprint(lazily[0]) != source_fingerprint(lazily[1])
    assert source_fingerprint(data["u"]) != source_fingerprint(data["u"].rename("v"))
    assert source_fingerprint(data) != source_fingerprint(data.assign(u=data["u"].assign_attrs(units="km")))


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})),
        (["CC", "CO"], ["CCCO"]),
        ({"month": 1}, {"month": 2}),
        ({"month": 1}, {"moth": 1}),
        (np.arange(2000), np.where(np.arange(2000) == 1000, 0, np.arange(2000))),
        (None, "None"),
        (1, "1"),
        (["a;b"], ["a", "b"]),
        (["CC", 1], [1, "CC"]),
        ([["CC"], "CO"], ["CC", ["CO"]]),
        (pd.Series(np.arange(2000)), pd.Series(np.where(np.arange(2000) == 1000, 0, np.arange(2000)))),
        (torch.arange(2000), torch.where(torch.arange(2000) == 1000, 0, torch.arange(2000))),
    ],
)
def test_tables_lists_and_words(one, another):
    assert source_fingerprint(one) == source_fingerprint(one)
    assert source_fingerprint(one) != source_fingerprint(another)


def test_words_are_told_by_their_letters_and_never_looked_up_as_patterns(tmp_path, monkeypatch):
    def words():
        return np.array(["".join(["C"] * n) for n in (2, 3)], dtype=object)

    assert source_fingerprint(words()) == source_fingerprint(words())  # not by where they lie in memory
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CN").write_text("a")
    before = source_fingerprint(["C[NO]", "CN"])
    (tmp_path / "CO").write_text("fits the first word, which is a molecule")
    assert source_fingerprint(["C[NO]", "CN"]) == before
    (tmp_path / "CN").write_text("other")
    assert source_fingerprint(["C[NO]", "CN"]) != before
    with pytest.raises(FileNotFoundError, match=r"there are none at \*.nc; check the path"):
        source_fingerprint(["*.nc"])


def test_of_several_files_that_are_opened_together_each_counts(tmp_path):
    for number in range(3):
        states().isel(sample=slice(2 * number, 2 * number + 2)).to_netcdf(tmp_path / f"{number}.nc")
    before = source_fingerprint(xr.open_mfdataset(f"{tmp_path}/*.nc"))
    assert source_fingerprint(xr.open_mfdataset(f"{tmp_path}/*.nc")) == before
    (states().isel(sample=slice(2, 4)) + 1).assign_coords(sample=[2, 3]).to_netcdf(tmp_path / "1.nc")
    assert source_fingerprint(xr.open_mfdataset(f"{tmp_path}/*.nc")) != before


def test_a_choice_that_is_a_file_is_told_by_it(tmp_path):
    (tmp_path / "climate.nc").write_text("a")
    before = source_fingerprint({"climatology": str(tmp_path / "climate.nc")})
    (tmp_path / "climate.nc").write_text("other")
    assert source_fingerprint({"climatology": str(tmp_path / "climate.nc")}) != before
