"""Simulations in a store: CF, resumable, never half-written, never mixed up."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.weather import generate, held_suarez, open_weather, shallow_water
from humboldt.domains.weather.held_suarez import LEVELS

SMALL = {"samples": 2, "days": 12, "spin_up": 0, "every": 12.0, "rows": 32}


class Atmosphere:
    """Stands in for the simulation: states that say which run and time they are of; may stop."""

    def __init__(self, monkeypatch):
        self.made, self.stop_at = 0, None
        for name in ("HELD_SUAREZ", "SHALLOW_WATER"):
            monkeypatch.setattr(generate, name, dataclasses.replace(getattr(generate, name), simulate=self))

    def __call__(self, about, *, days, spin_up, every, rows, seed, layers=None):
        for first, count in ((0, 20), (20, 4)):
            if self.stop_at == (seed, first):
                raise KeyboardInterrupt
            self.made += count
            when = (1000 * seed + first + np.arange(count)).astype(np.float32)
            plane = np.ones((count, rows, 2 * rows), np.float32) * when[:, None, None]
            if layers is None:
                yield {**dict.fromkeys("zuv", plane[:, None]), "orog": 0 * plane}
                continue
            flat = dict.fromkeys(("msl", "t2m", "u10", "v10"), plane)
            deep = {n: np.stack([plane] * 3, axis=1) for n in "ztuv"}
            yield {**flat, **deep, "orog": 0 * plane}


@pytest.fixture
def atmosphere(monkeypatch):
    return Atmosphere(monkeypatch)


def test_a_store_holds_every_run_and_opens_as_weather(atmosphere, tmp_path):
    path = held_suarez(tmp_path / "x.zarr", progress=False, **SMALL)
    data = open_weather(path, lead_times=[24])
    assert data.data.sizes == {"number": 2, "time": 24, "level": 3, "latitude": 32, "longitude": 64}
    assert {c.units for c in data.channels if c.variable == "z"} == {"m2 s-2"}
    batch = data.batch([len(data) - 1])
    assert (batch.fields[0, 1] == 1021).all()
    assert (batch.target == 1023).all()
    with xr.open_zarr(path, consolidated=False) as found:
        assert found.attrs["Conventions"].startswith("CF")
        assert found["level"].values.tolist() == list(LEVELS)
        assert json.loads(found.attrs["climates"])[0]["contrast"] == 60
    assert not (tmp_path / "x.zarr.partial").exists()


def test_shallow_water_has_one_level_and_opens_as_weather(atmosphere, tmp_path):
    path = shallow_water(tmp_path / "x.zarr", progress=False, **SMALL)
    data = open_weather(path, lead_times=[24])
    assert {c.name for c in data.channels} == {"z_500", "u_500", "v_500"}
    assert (data.batch([len(data) - 1]).target == 1023).all()
    with xr.open_zarr(path, consolidated=False) as found:
        assert json.loads(found.attrs["climates"])[0]["jets"][1]["latitude"] == 45
    assert main(f"generate shallow-water --samples 3 --days 20 --output {tmp_path}/y.zarr --dry-run".split()) == 0
    assert main(f"generate shallow-water --layers 8 --output {tmp_path}/y.zarr --dry-run".split()) == 2
    with pytest.raises(TypeError, match="layers"):
        shallow_water(tmp_path / "y.zarr", layers=8)


def test_an_interrupted_run_goes_on_with_its_first_unfinished_member(atmosphere, tmp_path):
    atmosphere.stop_at = (1, 20)
    with pytest.raises(KeyboardInterrupt):
        held_suarez(tmp_path / "x.zarr", progress=False, **SMALL)
    assert not (tmp_path / "x.zarr").exists()
    atmosphere.stop_at, atmosphere.made = None, 0
    held_suarez(tmp_path / "x.zarr", progress=False, **SMALL)
    assert atmosphere.made == 24
    with xr.open_zarr(tmp_path / "x.zarr", consolidated=False) as found:
        assert found["msl"][:, :, 0, 0].values.tolist() == [[*range(24)], [*range(1000, 1024)]]
    assert not (tmp_path / "x.zarr.partial").exists()


def test_other_arguments_and_other_folders_are_refused(atmosphere, tmp_path):
    held_suarez(tmp_path / "x.zarr", progress=False, **SMALL)
    with pytest.raises(FileExistsError, match=r"\(seed: 0 before, 3 now\); repeat those, choose another name or over"):
        held_suarez(tmp_path / "x.zarr", progress=False, **SMALL, seed=3)
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="a store of the same simulation, got"):
        held_suarez(tmp_path / "mine", progress=False, **SMALL)
    with pytest.raises(FileExistsError, match="a store of the same simulation, got"):
        held_suarez(tmp_path / "mine", progress=False, overwrite=True, **SMALL)
    assert (tmp_path / "mine").is_dir()
    held_suarez(tmp_path / "x.zarr", progress=False, overwrite=True, **{**SMALL, "seed": 3})
    with xr.open_zarr(tmp_path / "x.zarr", consolidated=False) as found:
        assert float(found["msl"][0, 0, 0, 0]) == 3000


def test_an_unfinished_run_of_other_arguments_and_a_full_disk_are_refused(atmosphere, tmp_path, monkeypatch):
    atmosphere.stop_at = (1, 0)
    with pytest.raises(KeyboardInterrupt):
        held_suarez(tmp_path / "x.zarr", progress=False, **SMALL)
    with pytest.raises(FileExistsError, match=r"the same arguments only, got .* \(seed: 0 before, 3 now\)"):
        held_suarez(tmp_path / "x.zarr", progress=False, **SMALL, seed=3)
    monkeypatch.setattr("humboldt.data_catalog.converter.growing.free_bytes", lambda path: 1000)
    with pytest.raises(OSError, match=r"available 1000 bytes at .*; free space, or simulate fewer members or days"):
        held_suarez(tmp_path / "y.zarr", progress=False, **SMALL)
    assert not (tmp_path / "y.zarr").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"spin_up": 15}, "spin_up is a multiple of 10 days, got 15"), ({"every": 5.0}, "divides a day, got 5.0")],
)
def test_values_that_break_a_rule_are_refused(tmp_path, wrong, message):
    with pytest.raises(DataError, match=message):
        held_suarez(tmp_path / "x.zarr", **{**SMALL, **wrong})


def test_the_command_says_what_it_would_make(tmp_path, capsys):
    words = f"generate held-suarez --samples 3 --days 20 --rows 64 --output {tmp_path}/x.zarr --dry-run"
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    assert "3 x 160 x 64 x 128 (number, time, latitude, longitude)" in said
    assert not [*tmp_path.iterdir()]
    assert main(["generate", "held-suarez"]) == 2
