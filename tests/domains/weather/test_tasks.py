"""Downscaling, subgrid fluxes and reconstruction: what their samples are, and that models learn them."""

import numpy as np
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.weather import (
    Downscaling,
    MaskedForecasts,
    SubgridFluxes,
    TaskConfig,
    bicubic,
    fill_gaps,
    open_weather,
    task_errors,
)
from humboldt.domains.weather.adapt import arranged
from humboldt.domains.weather.gaps import nearest_in_time
from humboldt.foundations import ConfigError
from tests.domains.weather.models import STATIC, model

WHERE = STATIC[:3]
ROWS, COLUMNS, LAPSE = 24, 48, 0.0065
QUICK = {"optimiser": "muon", "core_rate": 5e-3, "embedding_rate": 5e-3, "norm_rate": 5e-3, "progress": False}


def mountains():
    """Air that follows a smooth wave and, exactly, the height of rough ground; winds that carry a known flux."""
    random = np.random.default_rng(0)
    latitude, longitude = -90 + 7.5 * (np.arange(ROWS) + 0.5), 7.5 * np.arange(COLUMNS)
    height = random.gamma(1.0, 600.0, (ROWS, COLUMNS)).astype(np.float32)
    phase, strength = random.uniform(0, 2 * np.pi, (20, 1, 1)), random.uniform(5, 15, (20, 1, 1))
    wave = strength * np.sin(np.deg2rad(longitude) * 2 + phase) * np.cos(np.deg2rad(latitude))[:, None]
    ripple = np.cos(2 * np.pi * np.arange(COLUMNS) / 3)  # two wave lengths in a cell of six
    place = {"latitude": ("latitude", latitude, {"units": "degrees_north"}),
             "longitude": ("longitude", longitude, {"units": "degrees_east"}),
             "time": np.datetime64("2020-01-01", "ns") + np.arange(20) * np.timedelta64(6, "h")}  # fmt: skip
    dims = ("time", "latitude", "longitude")
    coarse = np.repeat(np.repeat(wave[:, 3::6, 3::6], 6, 1), 6, 2)
    return xr.Dataset(
        {
            "t2m": (dims, (280 + wave - LAPSE * height).astype(np.float32), {"units": "K"}),
            "u": (dims, (coarse + 2 * ripple).astype(np.float32), {"units": "m s-1"}),
            "w": (dims, (0.1 * coarse * ripple).astype(np.float32), {"units": "Pa s-1"}),
            "orog": (dims[1:], height, {"units": "m"}),
        },
        place,
    )


def opened(*variables):
    return open_weather(mountains(), variables=variables, static=WHERE)


def small():
    made = model(static=WHERE, residual="temporal", memory=36.0, pairs=(1, 1), unit=(4, 4))
    for part in (made.embed, made.head):  # what it knows of T2M is taken over
        part.normaliser.mean.fill_(280.0), part.normaliser.std.fill_(10.0)
    return made


def test_coarse_states_are_area_means_of_fine_ones():
    made = Downscaling(fine=opened("t2m"), factor=6, details=("orog",))
    batch = made.batch([3])
    fine, rows = made.state(3)[0].astype(float), np.asarray(made.fine_grid.area_weights())
    wanted = np.average(fine[6:12, 12:18], weights=np.broadcast_to(rows[6:12, None], (6, 6)))
    assert float(batch.fields[0, 1, 0, 1, 2]) == pytest.approx(wanted, rel=1e-6)
    assert made.grid.shape == (4, 8)
    assert made.grid.periodic
    assert torch.equal(batch.answer[0, 0], torch.from_numpy(made.state(3)[0]))
    assert torch.equal(batch.details[0, 0], torch.from_numpy(mountains()["orog"].values))
    with pytest.raises(DataError, match="got factor=20 for 24 x 48 points; choose a smaller one"):
        Downscaling(fine=opened("t2m"), factor=20)


def test_bicubic_interpolation_meets_cell_centres_and_closes_the_circle():
    field = torch.sin(torch.arange(32) * 2 * np.pi / 32).expand(1, 1, 4, 32)
    fine = bicubic(field, 3, closed=True)
    torch.testing.assert_close(fine[..., 1::3], field.repeat_interleave(3, 2), atol=1e-6, rtol=0)
    wanted = torch.sin((torch.arange(96) - 1) / 3 * 2 * np.pi / 32)
    torch.testing.assert_close(fine[0, 0, 0], wanted, atol=1e-2, rtol=0)


def test_downscaling_begins_with_the_bicubic_state_and_learns_what_the_ground_does(tmp_path):
    made = Downscaling(fine=opened("t2m"), factor=6, details=("orog",))
    tuned = humboldt.finetune(small(), made, task="downscaling", steps=30, batch_size=4, output=tmp_path, **QUICK)
    test = made.split("test")
    before = humboldt.finetune(small(), made, task="downscaling", steps=1, **{**QUICK, "embedding_rate": 0.0})
    closed = {"bicubic": lambda b: bicubic(b.fields[:, -1], 6, True)}
    errors = task_errors({"tuned": tuned, "before": before, **closed}, test)["rmse"]
    assert float(errors.sel(forecast="before")[0]) == pytest.approx(float(errors.sel(forecast="bicubic")[0]), rel=1e-4)
    assert float(errors.sel(forecast="tuned")[0]) < 0.5 * float(errors.sel(forecast="bicubic")[0])
    again = humboldt.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(test.batch([0])).fields, tuned(test.batch([0])).fields)
    assert again.config.task.outputs[0].units == "K"


def test_a_flux_is_what_the_means_do_not_carry():
    made = SubgridFluxes(fine=opened("u", "w"), factor=6, pairs=(("u", "w"),))
    batch = made.batch([0])
    resolved = batch.fields[0, -1, 0].double()
    wanted = 0.1 * resolved  # mean of 2 cos x 0.1 coarse cos
    torch.testing.assert_close(batch.answer[0, 0].double(), wanted, atol=1e-5, rtol=1e-4)
    assert batch.answer_channels[0].units == "m s-1 Pa s-1"
    with pytest.raises(DataError, match=r"a flux is of two variables of one level, got pairs=\(\('u', 'v'\),\)"):
        SubgridFluxes(fine=opened("u", "w"), factor=6, pairs=(("u", "v"),))


def test_fluxes_are_learned_with_encoder_and_decoder_frozen():
    made = SubgridFluxes(fine=opened("u", "w"), factor=6, pairs=(("u", "w"),))
    started = small()
    tuned = humboldt.finetune(started, made, task="flux", method="head", steps=60, batch_size=4, **QUICK)
    mean = {"mean": lambda b: tuned.head.outputs.mean.view(1, 1, 1, 1).expand_as(b.answer)}
    errors = task_errors({"tuned": tuned, **mean}, made.split("test"))
    assert float(errors["rmse"].sel(forecast="tuned")[0]) < 0.5 * float(errors["rmse"].sel(forecast="mean")[0])
    assert float(errors["correlation"].sel(forecast="tuned")[0]) > 0.9
    trunk = {k: v for k, v in started.state_dict().items() if k.startswith(("core.", "head.decoder."))}
    assert all(torch.equal(v, tuned.state_dict()[k]) for k, v in trunk.items())
    whole = humboldt.finetune(started, made, task="flux", method="full", steps=3, batch_size=4, **QUICK)
    assert not any(torch.equal(v, whole.state_dict()[k]) for k, v in trunk.items() if k.endswith("weight"))


def test_gaps_are_filled_and_what_is_known_is_kept():
    data = mountains()[["t2m"]]
    data = data.assign(t2m=0 * data["t2m"] + 280 + 10 * np.sin(np.deg2rad(data["longitude"])))
    data["t2m"].attrs = {"units": "K"}
    tuned = humboldt.finetune(
        small(), open_weather(data, static=WHERE), task="reconstruction", steps=80, batch_size=4, **QUICK
    )
    torn = data.copy(deep=True)
    torn["t2m"][:, 8:16, 16:32] = np.nan
    filled = fill_gaps(tuned, torn.isel(time=slice(0, 3)))
    known = np.isfinite(torn["t2m"].values[:2])
    np.testing.assert_array_equal(filled["t2m"].values[known], torn["t2m"].values[:2][known].astype(np.float32))
    error = np.sqrt(((filled["t2m"].values - data["t2m"].values[:2])[~known] ** 2).mean())
    spread = np.sqrt(((data["t2m"].values.mean() - data["t2m"].values[:2])[~known] ** 2).mean())
    assert error < 0.5 * spread
    assert filled["t2m"].attrs["units"] == "K"


def test_reconstructions_are_learned_from_hidden_tokens_and_from_torn_states():
    tuned = humboldt.finetune(small(), opened("t2m"), task="reconstruction", steps=1, batch_size=1, **QUICK)
    made = arranged(opened("t2m"), tuned)
    batches = [made.batch([i, i + 1]) for i in range(len(made) - 1)]
    hidden = {None if batch.mask is None else batch.mask.hidden.dim() for batch in batches}
    assert hidden == {None, 2, 3}  # holes, whole units, slots
    assert all(bool(batch.fields.isnan().any()) for batch in batches if batch.mask is None)
    assert all(bool(batch.target.isfinite().all()) for batch in batches)


def test_a_gap_in_time_is_bridged_by_a_straight_line():
    series = np.array([1.0, np.nan, 3.0, np.nan])[:, None, None, None] * np.ones((4, 1, 1, 2))
    assert nearest_in_time(series)[:, 0, 0, 1].tolist() == [1, 2, 3, 3]


def test_tasks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"the task 'flux' learns from a dataset of its own, got WeatherDataset; wrap"):
        humboldt.finetune(small(), opened("t2m"), task="flux", steps=1, progress=False)
    with pytest.raises(
        ValueError, match=r"the tasks \['forecast', 'reconstruction', 'downscaling', 'flux'\], got 'sing'"
    ):
        humboldt.finetune(small(), opened("t2m"), task="sing", steps=1, progress=False)
    with pytest.raises(ConfigError, match="other tasks name their outputs, got 'flux' with outputs"):
        TaskConfig(kind="flux")


@pytest.mark.integration
def test_real_temperatures_are_brought_to_a_grid_six_times_finer(shared):
    pytest.importorskip("cfgrib")
    path = shared / "data" / "weather" / "era5_members_3deg" / "era5-levels-members.grib"
    first, second = ("2017-01-01T00", "2017-01-01T12"), ("2017-01-02T00", "2017-01-02T12")
    static = ["latitude", "longitude", "sin_latitude"]
    split = {"train": first, "test": second}
    data = humboldt.open(path, domain="weather", variables=["t"], static=static, split=split, lead_times=[0])
    data.data.load()  # 2 MB, which would be decoded anew for every sample
    made = Downscaling(fine=data, factor=6, outputs=("t_850",))
    tuned = humboldt.finetune("humboldt/weather-nano", made, task="downscaling", steps=30, batch_size=4, **QUICK)
    closed = {"bicubic": lambda b: bicubic(b.fields[:, -1, :1], 6, True)}
    errors = task_errors({"tuned": tuned, **closed}, made.split("test"))["rmse"]
    print(errors.values)
    assert float(errors.sel(forecast="tuned")[0]) < float(errors.sel(forecast="bicubic")[0])


def test_reconstructions_are_learned_from_points_where_that_is_asked_for():
    points = MaskedForecasts(data=opened("t2m"), kinds=("points",), ratios=(0.9,))
    tuned = humboldt.finetune(small(), points, task="reconstruction", steps=1, batch_size=1, **QUICK)
    batch = arranged(points, tuned).batch([0, 1])
    assert float(batch.fields.isnan().float().mean()) == pytest.approx(0.9, abs=0.01)
    assert torch.equal(
        batch.target, opened("t2m").batch([0, 1]).fields[:, 0]
    )  # of a model that corrects the first state
    stations = xr.DataArray(np.random.default_rng(0).random((ROWS, COLUMNS)) < 0.1, dims=("latitude", "longitude"))
    sparse = mountains()[["t2m"]].isel(time=slice(0, 3)).where(stations)
    whole = fill_gaps(tuned, sparse)["t2m"].values
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(whole[:, stations.values], sparse["t2m"].values[:2, stations.values])
