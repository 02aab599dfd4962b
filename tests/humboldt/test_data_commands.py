"""`humboldt convert`, `statistics` and `generate` are one call of one function each."""

import inspect
import json

import numpy as np
import pytest
import xarray as xr

from humboldt.cli import main
from humboldt.data_catalog import load_catalog
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
