"""What is written is whole, in the kind that its name says, or refused with what is in the way."""

import json
import os
import resource
import signal

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from humboldt.cli import main
from humboldt.writing import WriteError, made_folder, write
from tests.domains.pde.decay import decay_trajectories
from tests.finetune.tiny import tiny_model


@pytest.fixture
def full_disk():
    """No file may grow beyond 4 kB, as on a disk that is full."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def fields(value=1.0):
    return xr.Dataset({"u": (("x", "y"), np.full((64, 64), value))})


@pytest.mark.parametrize("name", ["f.nc", "f.zarr", "f.csv"])
def test_what_is_written_is_read_back_and_replaces_what_was_there(tmp_path, name):
    for value in (1.0, 2.0):
        made = pd.DataFrame({"u": [value]}) if name == "f.csv" else fields(value)
        write(made, tmp_path / name)
    if name == "f.csv":
        assert pd.read_csv(tmp_path / name)["u"].tolist() == [2.0]
    else:
        with xr.open_dataset(tmp_path / name, engine="zarr" if name == "f.zarr" else "netcdf4") as found:
            assert (found["u"] == 2).all()
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["f.nc", "f.zarr", "f.csv"])
def test_a_full_disk_leaves_what_was_there(tmp_path, name, full_disk):
    (tmp_path / name).write_text("before")
    table = pd.DataFrame({"u": np.random.default_rng(0).random(5000)})
    noise = xr.Dataset({"u": ("x", table["u"].values)})
    with pytest.raises(WriteError, match=r"where there is room for it, but .* refused: .*; free some space, or choose"):
        write(table if name == "f.csv" else noise, tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "before"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    assert made_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert os.listdir(tmp_path / "a" / "b") == []
    (tmp_path / "file").touch()
    with pytest.raises(
        WriteError, match=r"an evaluation is written .*file/run refused: .*Not a directory.*another out"
    ):
        made_folder(tmp_path / "file" / "run", "an evaluation")


@pytest.fixture
def words(tmp_path):
    tiny_model().save(tmp_path / "model")
    decay_trajectories().isel(time=0, sample=0, drop=True).drop_vars("tracer").to_netcdf(tmp_path / "state.nc")
    return ["predict", str(tmp_path / "model"), str(tmp_path / "state.nc"), "--lead-times", "0.5,1"]


def test_a_prediction_is_of_the_kind_that_its_name_says(tmp_path, words, capsys):
    """A picture's name got a NetCDF file, and a store's name one file."""
    for name, cure in (
        ("map.png", r"ends in .nc, .nc4, .zarr, .csv, got map.png; a picture is drawn with --plot"),
        ("map.tif", "got map.tif; take map.nc"),
        ("forecast", "got forecast; take forecast.nc"),
        ("table.csv", "ends in .nc, .nc4, .zarr, got table.csv; take table.nc"),
    ):
        assert main([*words, "--output", name]) == 2
        assert cure in capsys.readouterr().err
    for name in ("new/f.zarr", "new/f.nc"):
        assert main([*words, "--output", str(tmp_path / name)]) == 0
    with xr.open_zarr(tmp_path / "new/f.zarr") as store, xr.open_dataset(tmp_path / "new/f.nc") as file:
        xr.testing.assert_equal(store.load(), file.load())
    assert sorted(os.listdir(tmp_path / "new")) == ["f.nc", "f.zarr"]


def test_a_dry_run_says_what_there_is_and_writes_nothing(tmp_path, words, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    assert main([*words, "--dry-run"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["source"] == {"variables": ["velocity_x", "velocity_y"], "sizes": {"x": 16, "y": 16}}
    assert plan["lead_times"] == [0.5, 1.0]
    assert plan["seconds"] >= 0
    assert plan["memory_megabytes"] > 100
    assert sorted(os.listdir()) == before
