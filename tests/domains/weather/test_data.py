"""Opening analyses as samples."""

import dataclasses

import dask.array
import numpy as np
import pytest
import torch
import xarray as xr
import zarr

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.weather import make_climatology, open_analyses, open_weather
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import CHANNELS, model


def test_a_batch_holds_what_the_data_hold():
    data = analyses()
    opened = humboldt.open(data, domain="weather", lead_times=[12])
    batch = opened.batch([0, 2])
    assert [c.name for c in batch.channels] == ["t_500", "t_850", "msl"]
    np.testing.assert_array_equal(batch.sel("t", level=850)[1].numpy(), data["t"].isel(time=[2, 3], level=1).values)
    np.testing.assert_array_equal(batch.target[1, 2].numpy(), data["msl"].isel(time=5).values)
    assert batch.lead_time.tolist() == [12, 12]
    assert batch.input_time.tolist() == [6, 6]
    assert batch.time[0] == np.datetime64("2020-02-28T06:00")
    assert batch.grid.periodic


@pytest.mark.parametrize("kind", ["zarr", "files"])
def test_states_come_from_the_chunks_without_dask(kind, tmp_path, monkeypatch):
    """Also where rows are turned, a seam is closed and files are joined; all of it on dask gives the same."""
    plain = analyses()
    there = plain.isel(latitude=slice(None, None, -1)).assign_coords(longitude=(plain.longitude + 180) % 360 - 180)
    there["land"] = there.msl.isel(time=0, drop=True)
    if kind == "zarr":
        there.to_zarr(tmp_path / "era.zarr", consolidated=False)
    else:
        for name, times in (("late", slice(3, 8)), ("early", slice(0, 3))):
            there.isel(time=times).to_netcdf(tmp_path / f"{name}.nc")
    source = tmp_path / "era.zarr" if kind == "zarr" else tmp_path
    opened = open_weather(source, west=-90, variables=["t", "msl"])
    on_dask = open_analyses(source, west=-90)
    assert on_dask["t"].chunks is not None
    monkeypatch.setattr(dask.array.Array, "__array__", lambda *_, **__: pytest.fail("dask computed a state"))
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *_: pytest.fail("zarr-python read a state"))
    states = np.stack([opened.state(frame) for frame in (4, 0, 7, 2)])
    true = open_analyses(plain, west=-90).isel(time=[4, 0, 7, 2])
    np.testing.assert_array_equal(states[:, :2], true["t"].values)
    np.testing.assert_array_equal(states[:, 2], true["msl"].values)
    monkeypatch.undo()
    np.testing.assert_array_equal(on_dask["t"].isel(time=[4, 0, 7, 2]).values, true["t"].values)
    assert on_dask["land"].size == plain.msl[0].size * (1 if kind == "zarr" else 8)


def test_chunks_of_many_times_are_said_with_the_cure(tmp_path, caplog):
    plain = analyses(frames=40)
    for name, times in (("long", 40), ("short", 1)):
        chunks = {v: {"chunks": (times, *plain[v].shape[1:])} for v in plain.data_vars}
        plain.to_zarr(tmp_path / f"{name}.zarr", encoding=chunks, consolidated=False)
    open_weather(tmp_path / "short.zarr")
    assert not caplog.text
    open_weather(tmp_path / "long.zarr")
    assert "13.3 bytes are read and decoded for every byte used (chunks of 40 times for samples of 3)" in caplog.text
    assert "long.rechunked.zarr --window '{time: 1}'" in caplog.text


def test_a_model_takes_data_under_other_names_and_predicts():
    data = analyses(rows=8, columns=16)
    data = data.assign(
        t2m=data["msl"].assign_attrs(units="K"),
        z_sfc=(data["msl"].isel(time=0, drop=True) * 0).assign_attrs(units="m2 s-2"),
    )
    made = model()
    opened = open_weather(data, channels=CHANNELS, static=made.config.static, climatology=make_climatology(data, 5))
    batch = opened.batch([0])
    assert torch.isfinite(made.loss(batch))
    assert [c.name for c in batch.static_channels] == [c.name for c in made.config.static]


def test_missing_values_stay_missing_and_are_left_out_of_the_loss():
    data = analyses()
    data["msl"][2, :2] = np.nan
    batch = open_weather(data).batch([0])
    assert torch.isnan(batch.target[0, 2, :2]).all()
    filled = open_weather(data, fill={"msl": 5.0}).batch([0])
    assert (filled.target[0, 2, :2] == 5).all()


def test_without_targets_the_last_frames_are_enough():
    opened = open_weather(analyses(frames=2), lead_times=[24, 48], targets=False)
    batch = opened.batch([0, 1])
    assert batch.target is None
    assert batch.lead_time.tolist() == [24, 48]


def test_parts_are_periods_and_samples_do_not_cross_them():
    opened = open_weather(analyses(frames=40))
    frames = {
        n: {i for s in opened.split(n).samples for i in (*s.inputs, s.target or 0)}
        for n in ("train", "validation", "test")
    }
    assert max(frames["train"]) < min(frames["validation"])
    assert max(frames["validation"]) < min(frames["test"])
    named = open_weather(
        analyses(frames=40), split={"train": ("2020-02-28", "2020-02-29"), "late": ("2020-03-05", None)}
    )
    assert str(named.times[max(s.target or 0 for s in named.split("train").samples)])[:10] == "2020-02-29"
    with pytest.raises(ValueError, match=r"a part is one of \['late', 'test', 'train', 'validation'\], got 'dev'"):
        named.split("dev")


def test_parts_are_shares_or_numbers_of_states():
    shared = open_weather(analyses(frames=40), split={"train": 0.6, "test": 0.4})
    assert shared.split("train").samples[-1].target == 23
    assert shared.split("test").samples[0].inputs[0] == 24
    assert shared.split("test").samples[-1].target == 39
    with pytest.raises(DataError, match="'test' has no whole sample; name longer periods"):
        open_weather(analyses(frames=40), split={"train": 0.95, "test": 2}).split("test")
    with pytest.raises(DataError, match=r"shares or numbers of states, such as .* got \{'train': '2020'\}"):
        open_weather(analyses(frames=40), split={"train": "2020"})


def test_a_region_may_cross_the_dateline():
    opened = open_weather(analyses(columns=36), region=(-50, 50, 170, -170))
    assert opened.grid.longitude == (170.0, 180.0, 190.0)
    assert not opened.grid.periodic
    with pytest.raises(DataError, match=r"holds points of the grid, got \(60, 20"):
        open_weather(analyses(), region=(60, 20, 0, 90))


def test_a_climatology_of_another_grid_is_refused_and_a_larger_one_is_cut():
    data = analyses()
    larger = make_climatology(data, 5)
    opened = open_weather(data.isel(latitude=slice(0, 4)), climatology=larger)
    np.testing.assert_allclose(opened.batch([0]).climate[0, 2].numpy(), opened.expected(opened.times[2])[2])
    coarse = make_climatology(analyses(rows=4), 5)
    with pytest.raises(DataError, match=r"a climatology has the grid of the data \[5, 8\], got another one \[4, 8\]"):
        open_weather(data, climatology=coarse).batch([0])


def test_statistics_leave_out_what_is_missing():
    data = analyses(frames=6)
    data["msl"][0, 0, 0] = np.nan
    opened = open_weather(data, variables=["msl"])
    found, values = opened.statistics(), data["msl"].isel(time=slice(0, 5)).values.astype(float)
    assert found["mean"][0] == pytest.approx(np.nanmean(values))
    assert found["std"][0] == pytest.approx(np.nanstd(values))
    change = np.diff(data["msl"].values.astype(float), axis=0)[1:]
    assert found["increment"][0] == pytest.approx(np.sqrt(np.nanmean(change**2)))


def test_a_corrected_label_holds_for_whatever_takes_the_data():
    data = analyses()
    data["t"] = (data["t"] - 273.15).assign_attrs(units="K", standard_name="air_temperature")  # a wrong label
    opened = open_weather(data, units={"t": "degC"})
    assert opened.channels[0].units == "degC"
    kelvin = [dataclasses.replace(channel, units="K") for channel in opened.channels[:2]]
    for found in (opened.arranged(kelvin, kelvin), opened.split("train").arranged(kelvin, kelvin)):
        np.testing.assert_allclose(found.state(0), analyses()["t"].values[0], rtol=1e-6)


def test_samples_can_be_chosen_and_the_fingerprint_follows_what_is_given():
    opened = open_weather(analyses(frames=12))
    chosen = opened.choose([4, 1])
    assert opened.units == len(opened)
    assert chosen.samples == (opened.samples[4], opened.samples[1])
    assert chosen.fingerprint != opened.fingerprint == open_weather(analyses(frames=12)).fingerprint
    changed = analyses(frames=12)
    changed["msl"][0] += 1
    assert open_weather(changed).fingerprint != opened.fingerprint


def test_an_ensemble_has_one_sample_per_member():
    data = xr.concat([analyses(seed=k) for k in range(3)], dim="realization")
    opened = open_weather(data)
    assert len(opened) == 18
    np.testing.assert_array_equal(
        opened.batch([7]).target[0, 2].numpy(), data["msl"].isel(realization=1, time=3).values
    )


def test_data_without_times_are_refused():
    with pytest.raises(DataError, match=r"states have times"):
        open_weather(analyses().isel(time=0, drop=True))


def test_a_real_storm_with_missing_values(shared):
    opened = open_weather(shared / "data" / "weather" / "storm1996_usa" / "storm1996_usa.nc", lead_times=[24])
    batch = opened.batch(range(8))
    assert batch.grid.shape == (33, 36)
    assert 0.1 < float(torch.isnan(batch.fields).float().mean()) < 0.4
    assert [c.name for c in batch.channels] == ["mslp", "t", "u", "v", "u500", "v500"]


def test_a_real_ensemble_in_grib(shared):
    pytest.importorskip("cfgrib")
    opened = open_weather(shared / "data" / "weather" / "era5_members_3deg" / "era5-levels-members.grib", west=-180)
    assert opened.describe()["members"] == 10
    assert [c.name for c in opened.channels] == ["z_850", "z_500", "t_850", "t_500"]
    batch = opened.batch([3])
    assert batch.grid.latitude[0] == -90
    assert batch.grid.longitude[0] == -180
    assert batch.grid.periodic
    assert 200 < float(batch.sel("t", 850).mean()) < 300


@pytest.mark.parametrize("model_name", ["KACE-1-0-G", "IITM-ESM", "CESM2", "MIROC6", "EC-Earth3"])
def test_real_calendars_and_joins(shared, model_name):
    opened = open_weather(str(shared / "data" / "weather" / "cmip6_ta_calendars" / f"ta_day_{model_name}_*.nc"))
    assert set(opened.batch(range(20)).lead_time.tolist()) == {24.0}
    assert opened.channels[0].level_kind == "hPa"
    assert len(opened.times) > 360


def test_a_region_holds_the_column_on_its_western_side_where_rounding_puts_it_further_west():
    plain = analyses()
    rounded = plain["longitude"].values - 9e-13  # as in the files of MERRA-2
    shifted = plain.assign_coords(longitude=("longitude", rounded, plain["longitude"].attrs))
    found = open_weather(shifted, region=(-90, 90, 0, 90))
    np.testing.assert_allclose(found.grid.longitude, [0, 45, 90], atol=1e-9)
    np.testing.assert_array_equal(found.state(0), open_weather(plain, region=(-90, 90, 0, 90)).state(0))
