"""Months from files: channels, windows, splits, statistics, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
import zarr

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import build, open_months, set_statistics
from tests.domains.biodiversity.small_bioanalyst import small

TIMES = pd.date_range("2015-10-01", periods=7, freq="MS")


def cube(**more):
    """Seven months of three groups, north row first; each value tells its month, row and column."""
    latitude, longitude = np.array([44.0, 43.0, 42.0]), np.array([1.0, 2.0])
    value = np.arange(7.0)[:, None, None] * 100 + np.arange(3)[None, :, None] * 10 + np.arange(2)
    levels = np.stack([value, -value], axis=1)
    column = ("time", "level", "latitude", "longitude")
    fields = {
        "surface_t2m": (column[:1] + column[2:], value, {"units": "K"}),
        "surface_other": (column[:1] + column[2:], value + 1000),
        "atmospheric_q": (column, levels),
        "species_42": (column[:1] + column[2:], value * 0 + 3),
    }
    coords = {"time": TIMES, "latitude": latitude, "longitude": longitude, "level": [1000.0, 500.0]}
    return xr.Dataset(fields | more, coords)


def test_channels_are_named_with_units_and_weights():
    data = open_months(cube())
    assert data.names == ("surface_t2m", "surface_other", "atmospheric_q_1000", "atmospheric_q_500", "species_42")
    assert data.groups[0].units == ("K", "")
    assert data.groups[0].weights == (2.5, 1.0)
    assert data.groups[2].weights == (10.0,)


def test_a_sample_is_two_months_and_the_next_from_south_to_north():
    batch = open_months(cube()).batch([0, 3])
    assert batch.month.tolist() == [10, 1]
    assert batch.latitude.tolist() == [42, 43, 44]
    assert batch.fields[1, 0, :, 0, 1].tolist() == [321, 421]
    assert batch.fields[1, 3, 1, 0, 1].item() == -421
    assert batch.target[1, 0, 0, 1].item() == 521


def test_parts_follow_time_and_samples_can_be_few():
    data = open_months(cube(), split={"test": 2})
    assert data.split("test").windows == (3, 4)
    assert data.split("train").windows == (0, 1, 2)
    assert len(data.split("train").take(1)) == 1
    with pytest.raises(DataError, match="has 3 samples, got a wish for 9"):
        data.split("train").take(9)
    assert data.split("train").units == 3
    assert data.split("train").choose([2, 0]).windows == (2, 0)


def test_a_store_and_a_folder_say_the_same(tmp_path):
    data = cube()
    data.to_netcdf(tmp_path / "all.nc")
    data.to_zarr(tmp_path / "all.zarr", zarr_format=2)
    folder = tmp_path / "groups"
    folder.mkdir()
    for group in ("surface", "atmospheric", "species"):
        names = {v: v.partition("_")[2] for v in data.data_vars if v.startswith(group)}
        data[list(names)].rename(names).to_netcdf(folder / f"{group}.nc")
    expected = open_months(data).batch([2])
    for source in (tmp_path / "all.nc", tmp_path / "all.zarr", folder):
        found = open_months(source)
        order = [found.names.index(name) for name in open_months(data).names]
        assert torch.equal(found.batch([2]).fields[:, order], expected.fields)


def test_a_file_a_month_and_a_folder_a_group_say_the_same(tmp_path):
    data, expected = cube(), open_months(cube())
    for month in range(7):
        one = data.isel(time=[month])
        stamp = str(one["time"].values[0])[:7]
        names = {"surface_t2m": "t2m", "surface_other": "other"}
        one[list(names)].rename(names | {"latitude": "lat"}).to_netcdf(tmp_path / f"surface_{stamp}.nc")
        (tmp_path / "species").mkdir(exist_ok=True)
        one[["species_42"]].to_netcdf(tmp_path / "species" / f"{month}.nc")
        upper = one[["atmospheric_q"]].assign_coords(level=[100000.0, 50000.0]).rename(level="pressure_level")
        upper.to_netcdf(tmp_path / f"atmospheric-{stamp}.nc")
    found = open_months(tmp_path)
    assert sorted(found.names) == sorted(expected.names)
    order = [found.names.index(name) for name in expected.names]
    assert torch.equal(found.batch([1, 4]).fields[:, order], expected.batch([1, 4]).fields)


def test_files_without_an_axis_of_time_are_put_in_line(tmp_path):
    data = cube()[["surface_t2m", "species_42"]]
    for month in range(7):
        data.isel(time=month).to_netcdf(tmp_path / f"surface_{str(data['time'].values[month])[:7]}.nc")
    found = open_months(tmp_path)
    expected = open_months(data)
    assert found.data["time"].equals(expected.data["time"])
    at = found.names.index("surface_t2m")
    assert torch.equal(found.batch([3]).fields[:, at], expected.batch([3]).fields[:, 0])
    with pytest.raises(DataError, match="a window holds 2 months and the next, got 1 months"):
        open_months(data.isel(time=4))


def test_months_of_other_calendars_and_axes_in_capitals(tmp_path):
    data = cube()
    times = xr.date_range(str(data["time"].values[0])[:10], periods=7, freq="MS", calendar="360_day", use_cftime=True)
    data.assign_coords(time=times).rename(latitude="Latitude", longitude="LON").to_netcdf(tmp_path / "months.nc")
    found, expected = open_months(tmp_path / "months.nc"), open_months(data)
    assert [str(t)[:7] for t in found.data["time"].values] == [str(t)[:7] for t in data["time"].values]
    assert torch.equal(found.batch([2]).month, expected.batch([2]).month)
    order = [found.names.index(name) for name in expected.names]
    assert torch.equal(found.batch([2]).fields[:, order], expected.batch([2]).fields)


def test_axes_in_another_order_and_what_does_not_change():
    data = cube().transpose("longitude", "latitude", "level", "time")
    data["surface_lsm"] = data["surface_t2m"].isel(time=0, drop=True) / 1000
    found = open_months(data.assign(time_bnds=(("time", "bnds"), np.zeros((7, 2)))))
    assert torch.equal(found.batch([2]).fields[:, [0]], open_months(cube()).batch([2]).fields[:, [0]])
    at = found.names.index("surface_lsm")
    assert torch.equal(found.batch([0]).fields[:, at], found.batch([4]).fields[:, at])


def test_months_after_the_target_come_with_it():
    data = open_months(cube(), steps=3)
    assert len(data) == 3
    batch, plain = data.batch([0, 2]), open_months(cube())
    assert torch.equal(batch.target, plain.batch([0, 2]).target)
    fields = plain.batch([1, 2, 3, 4]).target
    assert fields is not None
    assert torch.equal(batch.later, torch.stack([fields[[i - 1, i + 1]] for i in (1, 2)], 2))
    assert torch.equal(batch.advanced(batch.target).target, batch.later[:, :, 0])
    assert batch.advanced(batch.target).advanced(batch.later[:, :, 0]).later is None
    with pytest.raises(DataError, match="a window holds 2 months and the next 6, got 7 months"):
        open_months(cube(), steps=6)
    with pytest.raises(DataError, match="got times=2 and steps=0"):
        open_months(cube(), steps=0)


def test_groups_on_other_grids_are_refused(tmp_path):
    cube()[["surface_t2m"]].to_netcdf(tmp_path / "surface.nc")
    cube().isel(latitude=[0, 1])[["species_42"]].to_netcdf(tmp_path / "species.nc")
    with pytest.raises(DataError, match=r"the same months and the same grid, got \['species', 'surface'\] on others"):
        open_months(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"such as surface_2000-01.nc; got \[\] in"):
        open_months(tmp_path / "none")


def test_months_come_from_the_chunks(tmp_path, monkeypatch, caplog):
    cube().to_zarr(tmp_path / "all.zarr", consolidated=False)
    opened = open_months(tmp_path / "all.zarr")
    assert "2.3 bytes are read and decoded for every byte used (chunks of 7 months for windows of 3)" in caplog.text
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *_: pytest.fail("zarr-python read a month"))
    found, expected = opened.batch([3, 0]), open_months(cube()).batch([3, 0])
    order = [opened.names.index(name) for name in open_months(cube()).names]
    assert torch.equal(found.fields[:, order], expected.fields)


def test_statistics_are_those_of_the_part_and_reach_the_model():
    data = open_months(cube(), split={"test": 3})
    rows = data.split("train").statistics()
    seen = cube()["surface_t2m"].values[:4]
    assert rows["surface_t2m"] == pytest.approx({"mean": seen.mean(), "std": seen.std(), "min": 0, "max": seen.max()})
    config = small(groups=data.groups, grid=(3, 2), patch=1)
    model = build(config)
    set_statistics(model, rows, "normalize")
    scaled = model.embed.normaliser(data.split("train").batch([0, 1]).target)
    assert scaled[:, 0].max().item() == pytest.approx(1)
    assert model.head.normaliser.std[-1].item() == 1
    with pytest.raises(ValueError, match="has 16 channels, got statistics of 5"):
        set_statistics(build(small()), rows)


def test_infinite_values_are_missing():
    data = cube()
    data["surface_t2m"][0, 0, 0] = np.inf
    assert open_months(data).batch([0]).fields[0, 0, 0, 2, 0].isnan()


def test_land_is_turned_like_the_data():
    land = xr.DataArray([[1, 1], [0, 0], [0, 0]], {"lat": [44.0, 43.0, 42.0], "lon": [1.0, 2.0]}, ("lat", "lon"))
    batch = open_months(cube(), land=land).batch([0])
    assert batch.land.tolist() == [[0, 0], [0, 0], [1, 1]]
    with pytest.raises(DataError, match=r"land lies on the grid of the data .*got \(2, 2\)"):
        open_months(cube(), land=np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda d: d.isel(time=[0, 1, 3, 4]), "without a gap, got 2016-01 after 2015-11"),
        (lambda d: d.isel(time=[0, 1]), "a window holds 2 months and the next, got 2 months"),
        (lambda d: d.drop_vars("longitude"), "got no longitude"),
        (lambda d: d.rename({v: f"x{i}" for i, v in enumerate(d.data_vars)}), "called <group>_<variable> with a group"),
        (lambda d: d.assign(atmospheric_z=d["surface_t2m"]), "got both in 'atmospheric'"),
    ],
)
def test_what_breaks_a_rule_is_named(broken, message):
    with pytest.raises(DataError, match=message):
        open_months(broken(cube()))
