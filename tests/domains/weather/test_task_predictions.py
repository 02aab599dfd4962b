"""A model of a task is applied to files: its answers are those for the samples that it was trained on."""

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.commands.predict import run
from humboldt.data_catalog import DataError
from humboldt.domains.weather import Downscaling, SubgridFluxes, for_task, open_weather, regular
from humboldt.domains.weather.adapt import arranged, fit_to_data
from humboldt.streaming import Blocks
from tests.domains.weather.models import STATIC, model

FINE = regular(16, 32)
PLACE = {"latitude": list(FINE.latitude), "longitude": list(FINE.longitude)}


def fine_states() -> xr.Dataset:
    """Temperature and wind near the ground, and the height of the ground."""
    generator, times = (
        np.random.default_rng(0),
        np.datetime64("2020-02-28", "ns") + np.arange(4) * np.timedelta64(6, "h"),
    )
    made: dict[str, Any] = {}
    for name, units in (("t2m", "K"), ("u10", "m s-1"), ("v10", "m s-1")):
        values = generator.normal(size=(4, *FINE.shape)).astype(np.float32)
        made[name] = (("time", "latitude", "longitude"), values, {"units": units})
    made["orog"] = (("latitude", "longitude"), generator.random(FINE.shape).astype(np.float32), {"units": "m"})
    return xr.Dataset(made, {"time": times, **PLACE})


def answering(pairs: Any, kind: str) -> Any:
    """A model of the task whose answer is not the one it begins with."""
    made = for_task(fit_to_data(model(residual="none", static=STATIC[:3]), pairs), pairs, kind)
    with torch.no_grad():
        for value in made.head.parameters():
            value.add_(0.05)
    return made.eval()


def coarse_states(pairs: Any) -> xr.Dataset:
    """What a coarse model would have written."""
    fields = np.stack([pairs.coarse(pairs.state(i)) for i in range(len(pairs))])
    grid = pairs.grid
    made: dict[str, Any] = {}
    for index, channel in enumerate(pairs.channels):
        made[channel.variable] = (("time", "latitude", "longitude"), fields[:, index], {"units": channel.units})
    times = [pairs.fine.times[frame] for _, frame in pairs.frames]
    return xr.Dataset(made, {"time": times, "latitude": list(grid.latitude), "longitude": list(grid.longitude)})


def asked(made: Any, pairs: Any) -> np.ndarray:
    """The answers (sample, c, h, w) for the samples of the task."""
    with torch.no_grad():
        return made(pairs.batch(range(len(pairs)))).fields.numpy()


def test_coarse_states_are_brought_to_the_fine_grid_with_what_is_known_there(tmp_path):
    pairs = Downscaling(
        fine=open_weather(fine_states(), static=STATIC[:3]),
        factor=4,
        outputs=("t2m",),
        details=("orog", "sin_latitude"),
    )
    made, coarse = answering(pairs, "downscaling"), coarse_states(pairs)
    wanted = asked(made, pairs)[:, 0]
    fine_states().isel(time=[0])[["orog"]].isel(latitude=slice(None, None, -1)).to_netcdf(tmp_path / "ground.nc")
    found = humboldt.predict(made, coarse, details=tmp_path / "ground.nc")
    assert found["t2m"].dims == ("time", "latitude", "longitude")
    assert found["t2m"].attrs["units"] == "K"
    np.testing.assert_allclose(found["latitude"], PLACE["latitude"])
    np.testing.assert_array_equal(found["time"].values, coarse["time"].values)
    np.testing.assert_allclose(found["t2m"].values, wanted, rtol=1e-5)
    for name in ("fine.nc", "fine.zarr"):
        written = humboldt.predict(made, coarse, details=tmp_path / "ground.nc", output=tmp_path / name)
        xr.testing.assert_allclose(written["t2m"], found["t2m"])
    with pytest.raises(DataError, match=r"knows fine fields beforehand, \['orog'\], got none; give them .* details="):
        humboldt.predict(made, coarse)
    with pytest.raises(
        DataError, match=r"holds 4 x 4 fine points .*, got 12 latitudes from .* for 4 .*; bring details"
    ):
        humboldt.predict(made, coarse, details=fine_states().isel(latitude=slice(0, 12)))
    with pytest.raises(ValueError, match=r"'downscaling' answers at the times of its data, got lead times \[6.0\]"):
        humboldt.predict(made, coarse, [6.0], details=tmp_path / "ground.nc")
    with pytest.raises(DataError, match=r"answers are written to a new file, .*fine.nc is there"):
        humboldt.predict(made, coarse, details=tmp_path / "ground.nc", output=tmp_path / "fine.nc")


def test_without_fields_that_are_known_every_cell_is_cut_evenly():
    pairs = Downscaling(fine=open_weather(fine_states(), static=STATIC[:3]), factor=4)
    made = answering(pairs, "downscaling")
    found = humboldt.predict(made, coarse_states(pairs))
    np.testing.assert_allclose(found["latitude"], PLACE["latitude"], atol=1e-9)
    np.testing.assert_allclose(found["longitude"], PLACE["longitude"], atol=1e-9)
    np.testing.assert_allclose(found["u10"].values, asked(made, pairs)[:, 1], rtol=1e-5)


def test_fluxes_of_every_member_and_time():
    pairs = SubgridFluxes(fine=open_weather(fine_states(), static=STATIC[:3]), factor=4, pairs=(("u10", "v10"),))
    made, coarse = answering(pairs, "flux"), coarse_states(pairs)
    wanted = asked(made, pairs)[:, 0]
    members = xr.concat([coarse, coarse.isel(time=slice(None, None, -1)).assign_coords(time=coarse["time"])], "number")
    found = humboldt.predict(made, members.assign_coords(number=[3, 5]))
    assert found["u10v10"].dims == ("number", "time", "latitude", "longitude")
    assert found["number"].values.tolist() == [3, 5]
    assert found["u10v10"].attrs["units"] == "m s-1 m s-1"
    np.testing.assert_allclose(found["u10v10"].sel(number=3).values, wanted, rtol=1e-5)
    np.testing.assert_allclose(found["u10v10"].sel(number=5).values, wanted[::-1], rtol=1e-5)


def test_a_reconstruction_is_what_fills_gaps_and_scores_of_tasks_have_a_place():
    data = open_weather(fine_states(), static=STATIC[:3])
    made = for_task(fit_to_data(model(residual="none", static=STATIC[:3]), data), data, "reconstruction")
    torn = fine_states().drop_vars("orog").where(lambda d: d["latitude"] < 50)
    found = humboldt.predict(made, torn)
    assert not bool(found["t2m"].isnull().any())
    np.testing.assert_array_equal(found["t2m"].isel(latitude=0), torn["t2m"].isel(latitude=0, time=slice(1, None)))
    pairs = Downscaling(fine=data, factor=4)
    with pytest.raises(
        DataError, match=r"got data of the task 'downscaling' for 'model', a model of the task 'reconst"
    ):
        humboldt.evaluate(made, pairs, split=None)
    with pytest.raises(
        DataError, match=r"got data of the task 'forecast' for .*; wrap the fine states in Downscaling\("
    ):
        humboldt.evaluate(answering(pairs, "downscaling"), data, split=None)


@pytest.mark.parametrize("kind", ["downscaling", "flux"])
def test_answers_are_scored_beside_what_needs_no_model(kind, tmp_path, capsys):
    data = open_weather(fine_states(), static=STATIC[:3])
    pairs = (
        Downscaling(fine=data, factor=4)
        if kind == "downscaling"
        else SubgridFluxes(fine=data, factor=4, pairs=(("u10", "v10"),))
    )
    made = answering(pairs, kind)
    scores = humboldt.evaluate(made, pairs, split=None, output=tmp_path)
    reference = "bicubic" if kind == "downscaling" else "mean"
    assert scores["forecast"].values.tolist() == [reference, "model"]
    assert reference in capsys.readouterr().out
    assert (tmp_path / "scores.json").exists()
    batch = arranged(pairs, made).batch(range(len(pairs)))
    if kind == "downscaling":
        plain = made.head.bicubic(batch)
    else:
        plain = made.head.outputs.mean[:, None, None].expand_as(batch.answer)
    squares = (plain - batch.answer).double().square() * torch.from_numpy(batch.answer_grid.area_weights())[:, None]
    np.testing.assert_allclose(scores["rmse"].sel(forecast=reference), squares.mean((0, 2, 3)).sqrt(), rtol=1e-5)


@pytest.mark.parametrize("kind", ["downscaling", "reconstruction"])
def test_answers_for_long_archives_are_made_in_pieces(kind, tmp_path):
    data = open_weather(fine_states(), static=STATIC[:3])
    if kind == "downscaling":
        pairs = Downscaling(fine=data, factor=4)
        made, states = answering(pairs, kind), coarse_states(pairs)
    else:
        made = for_task(fit_to_data(model(residual="none", static=STATIC[:3]), data), data, kind)
        states = fine_states().drop_vars("orog").where(lambda d: d["latitude"] < 50)
    states.to_netcdf(tmp_path / "states.nc")
    made.train()
    whole = humboldt.predict(made, states)
    blocks = Blocks(made, str(tmp_path / "states.nc"), [], "time", {"batch_size": 2})
    blocks.write(tmp_path / "answers.nc")
    with xr.open_dataset(tmp_path / "answers.nc") as found:
        assert found["time"].values.tolist() == whole["time"].values.tolist()
        for name in whole:
            np.testing.assert_allclose(found[name], whole[name], rtol=1e-6)
    assert made.training
    with pytest.raises(ValueError, match="along 'time', got 'sample'"):
        Blocks(made, states, [], "sample").write(tmp_path / "other.nc")


def test_the_command_asks_for_no_lead_time(tmp_path, capsys):
    pairs = Downscaling(fine=open_weather(fine_states(), static=STATIC[:3]), factor=4)
    made, coarse = answering(pairs, "downscaling"), coarse_states(pairs)
    made.save(tmp_path / "mine")
    coarse.to_netcdf(tmp_path / "coarse.nc")
    run([str(tmp_path / "mine"), str(tmp_path / "coarse.nc"), "--output", str(tmp_path / "fine.nc")])
    assert "'latitude': 16, 'longitude': 32" in capsys.readouterr().out
    with xr.open_dataset(tmp_path / "fine.nc") as found:
        xr.testing.assert_allclose(found["u10"], humboldt.predict(made, coarse)["u10"])
