"""`humboldt convert`, `statistics` and `generate` are one call of one function each."""

import inspect
import json
import shlex

import h5py
import numpy as np
import pytest
import xarray as xr

from humboldt.cli import main
from humboldt.data_catalog import (
    Windows,
    amplification,
    load_catalog,
    open_array,
    open_store,
    pairs,
    say_amplification,
    tiles,
)
from humboldt.domains.pde import generate
from tests.data_catalog.source_files import yearly


def test_from_files_to_statistics(tmp_path, capsys):
    yearly(tmp_path / "years")
    store = str(tmp_path / "t.zarr")
    assert main(["convert", str(tmp_path / "years"), store, "--window", "{time: 5}", "--dry-run"]) == 0
    assert "a chunk is {'time': 5, 'lat': 4, 'lon': 6}" in capsys.readouterr().out
    assert main(["convert", str(tmp_path / "years"), store, "--window", "{time: 5}"]) == 0
    assert main(["statistics", store, "--train", "{time: [2001, 2002]}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert found["over"] == {"time": [40, 60]}
    assert found["variables"]["t"]["mean"] == pytest.approx(280, abs=0.2)
    assert main(["statistics", store, "--train", "all"]) == 0
    assert "missing" in capsys.readouterr().out
    assert main(["statistics", store]) == 2
    assert "say train={'time'" in capsys.readouterr().err
    assert main(["statistics", store, "--train", "{time:2001}"]) == 2
    assert "got '{time:2001}'; say it as '{time: [1979, 2015]}'" in capsys.readouterr().err
    assert main(["convert", store, str(tmp_path / "t.nc")]) == 2
    assert "whose name ends in .zarr, got" in capsys.readouterr().err


def test_statistics_of_a_name_are_over_the_training_part_of_its_entry(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HUMBOLDT_HOME", str(tmp_path))
    assert main(["statistics", "pde.burgers2d", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["over"] == {"sample": [4, 10]}
    said = load_catalog().find("pde.burgers2d").statistics.variables["velocity_x"]
    assert found["variables"]["velocity_x"]["mean"] == pytest.approx(said.mean, rel=1e-6)
    assert found["variables"]["velocity_x"]["std"] == pytest.approx(said.std, rel=1e-6)


def test_the_generate_command_has_the_choices_of_the_function(tmp_path, capsys):
    """A choice that the function has and the command had not is named by the changelog: precision."""
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    shown = capsys.readouterr().out
    for name in inspect.signature(generate).parameters.keys() - {"problem", "progress"}:
        assert f"--{name.replace('_', '-')}" in shown
    words = "generate ns-sines --samples 3 --resolution 16 --snapshots 3 --precision single --seed 4 --output"
    assert main([*words.split(), str(tmp_path / "a.zarr")]) == 0
    generate(
        "ns-sines", samples=3, resolution=16, snapshots=3, precision="single", seed=4, output=tmp_path / "b.zarr",
        progress=False,
    )  # fmt: skip
    with xr.open_zarr(tmp_path / "a.zarr") as ours, xr.open_zarr(tmp_path / "b.zarr") as theirs:
        xr.testing.assert_equal(ours, theirs)
        assert ours["velocity_x"].dtype == np.float32
    assert main([*words.replace("single", "half").split(), str(tmp_path / "c.zarr")]) == 2


def said_line(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The words of the command in the last warning, as a shell takes them apart."""
    return shlex.split(caplog.messages[-1].partition("humboldt ")[2])


@pytest.mark.parametrize("name", ["my runs.zarr", "my runs.nc", "groups.h5"])
def test_the_command_in_a_warning_can_be_pasted_and_cures_it(name, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(12, 6, 8, 8)).astype("f4")
    data = xr.Dataset({"h": (("Run", "t", "east", "north"), values, {"units": "m"})})
    path, variable, dims = name, "h", data.h.dims
    if name.endswith(".zarr"):
        data.to_zarr(name, encoding={"h": {"chunks": values.shape}}, consolidated=False)
    elif name.endswith(".nc"):
        data.to_netcdf(name, encoding={"h": {"chunksizes": values.shape, "zlib": True}})
    else:
        variable, dims = "run/h", ("sample", "time", "x", "y")  # axes have no names in the file
        with h5py.File(name, "w") as file:
            file.create_dataset(variable, data=values, chunks=values.shape, compression="gzip")
    windows = Windows(
        dims=dims, shape=values.shape, positions={dims[0]: np.arange(12)[:, None], dims[1]: pairs(6, [1])}
    )
    assert amplification(open_array(path, variable), windows).factor == 36
    line = said_line(caplog)
    assert main(line) == 0
    again = open_array(line[2], "h")
    assert amplification(again, windows).factor <= 2
    assert np.array_equal(again.read_many([11, 0]), values[[11, 0]])


def test_windows_of_scattered_times_and_of_tiles_are_cured_too(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(20, 8, 5, 40)).astype("f4")
    data = xr.Dataset({"u": (("time", "level", "lat", "lon"), values)})
    data.to_zarr("a.zarr", encoding={"u": {"chunks": values.shape}}, consolidated=False)
    positions = {
        "time": pairs(20, [1, 4], history=2),
        "level": np.array([[3, 7]]),
        "lon": tiles(40, 10, halo=2, periodic=True),
    }
    windows = Windows(dims=data.u.dims, shape=values.shape, positions=positions)
    assert amplification(open_array("a.zarr", "u"), windows).factor > 50
    line = said_line(caplog)
    assert main(line) == 0
    assert amplification(open_array(line[2], "u"), windows).factor <= 2


def test_lines_of_the_sciences_use_the_names_in_the_file(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(40, 6, 8)).astype("f4")
    times = ("zeit", np.arange(40.0), {"units": "hours since 2001-01-01", "calendar": "standard"})
    data = xr.Dataset({"t": (("zeit", "lat", "lon"), values, {"units": "K"})}, {"zeit": times})
    data.to_zarr("a.zarr", encoding={"t": {"chunks": values.shape}}, consolidated=False)
    say_amplification("a.zarr", 20.0, "chunks of 40 times", time=1)
    line = said_line(caplog)
    assert line[-2:] == ["--window", "{zeit: 1}"]
    assert main(line) == 0
    assert open_store(line[2]).t.encoding["preferred_chunks"] == {"zeit": 1, "lat": 6, "lon": 8}


def test_the_command_for_what_is_read_slowly_makes_it_fast(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    values = np.arange(60.0).reshape(5, 3, 4)
    with h5py.File("of lzf.h5", "w") as file:
        file.create_dataset("run/u", data=values, compression="lzf")
    open_array("of lzf.h5", "run/u")
    line = said_line(caplog)
    assert main(line) == 0
    caplog.clear()
    assert np.array_equal(open_array(line[2], "u").read_many([4, 0]), values[[4, 0]])
    assert not caplog.text
