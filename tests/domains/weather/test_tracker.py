"""Storms with a known path and a real one."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Criteria, regular, track, track_errors
from humboldt.domains.weather.tracker import _join, distance, vorticity

DEPTH, WIDTH = 3000.0, 500.0  # Pa, km


def vortex(path, south=False, frames=5, noise=0.0):
    """A Gaussian low in gradient-free wind around it, at (latitude, longitude) of `path(frame)`."""
    grid, made = regular(72, 144), []
    latitude, longitude = np.asarray(grid.latitude)[:, None], np.asarray(grid.longitude)[None]
    random = np.random.default_rng(0)
    for frame in range(frames):
        lat, lon = path(frame)
        away = distance(lat, lon, latitude, longitude)
        pressure = 101300 - DEPTH * np.exp(-((away / WIDTH) ** 2)) + noise * random.normal(size=away.shape)
        speed = 20 * away / WIDTH * np.exp(0.5 - (away / WIDTH) ** 2 / 2) * (-1 if south else 1)
        east = ((longitude - lon + 180) % 360 - 180) * np.cos(np.deg2rad(latitude))
        angle = np.arctan2(latitude - lat, east)
        made.append((pressure, -speed * np.sin(angle), speed * np.cos(angle)))
    fields = [np.stack(x).astype(np.float32) for x in zip(*made, strict=True)]
    dims = ("time", "latitude", "longitude")
    times = np.datetime64("2020-09-01", "ns") + np.arange(frames) * np.timedelta64(6, "h")
    names = {"msl": "Pa", "u10": "m s-1", "v10": "m s-1"}
    return xr.Dataset(
        {n: (dims, x, {"units": u}) for (n, u), x in zip(names.items(), fields, strict=True)},
        {"time": times, "latitude": list(grid.latitude), "longitude": list(grid.longitude)},
    )


def test_solid_rotation_has_twice_its_rate_in_vorticity():
    grid, rate = regular(90, 180), 1e-5
    u = 6.371e6 * rate * np.cos(np.deg2rad(grid.latitude))[:, None] * np.ones(180)
    wanted = 2 * rate * np.sin(np.deg2rad(grid.latitude))[:, None]
    np.testing.assert_allclose(vorticity(u, 0 * u, grid)[1:-1], (wanted * np.ones(180))[1:-1], atol=2e-8)


@pytest.mark.parametrize("south", [False, True])
def test_a_storm_is_followed_over_the_seam_of_the_map(south):
    sign = -1 if south else 1
    found = track(vortex(lambda k: (sign * (20 + 1.3 * k), 353.1 + 3.4 * k), south, noise=1.0))
    assert found["track"].tolist() == [0] * 5
    assert found["hours"].tolist() == [0, 6, 12, 18, 24]
    wanted = [(sign * (20 + 1.3 * k), 353.1 + 3.4 * k) for k in range(5)]
    away = [float(distance(*w, a, o)) for w, a, o in zip(wanted, found["latitude"], found["longitude"], strict=True)]
    assert max(away) < 60  # a grid spacing is 278 km
    assert (np.abs(found["pressure"] - (101300 - DEPTH)) < 100).all()
    assert (np.abs(found["wind"] - 20) < 1.5).all()
    assert (np.sign(found["vorticity"]) == sign).all()


def test_a_high_a_still_low_and_a_leap_are_no_track():
    calm = vortex(lambda k: (40, 100))
    calm["u10"], calm["v10"] = calm["u10"] * 0, calm["v10"] * 0
    assert track(calm).empty
    assert track(vortex(lambda k: (40, 100 + 40 * k))).empty
    assert len(track(vortex(lambda k: (40, 100 + 40 * k)), steps=1)) == 5
    high = vortex(lambda k: (40, 100))
    assert track(high.assign(msl=(202600 - high["msl"]).assign_attrs(units="Pa"))).empty


def test_errors_of_a_track_are_those_of_its_places_and_intensities():
    truth = track(vortex(lambda k: (30, 100 + 2 * k)))
    slow = truth.assign(longitude=truth["longitude"] - 0.5 * np.arange(5), pressure=truth["pressure"] + 200)
    stray = truth.assign(track=1, latitude=truth["latitude"] + 4)
    errors = track_errors(pd.concat([stray, slow]), truth)
    wanted = 6371 * np.deg2rad(0.5) * np.cos(np.deg2rad(30)) * np.arange(5)
    np.testing.assert_allclose(errors["distance"], wanted, rtol=2e-2, atol=1)
    np.testing.assert_allclose(errors["pressure"], 200)
    assert track_errors(truth.assign(latitude=-truth["latitude"]), truth).empty


def test_a_forecast_is_followed_along_its_lead_times(tmp_path):
    data = vortex(lambda k: (30, 100 + 2 * k))
    forecast = data.rename(time="lead_time").assign_coords(lead_time=6.0 * np.arange(5)).expand_dims("init_time")
    forecast = forecast.assign_coords(
        init_time=data["time"].values[:1], valid_time=(("init_time", "lead_time"), data["time"].values[None])
    )
    errors = track_errors(track(forecast), track(data))
    assert errors["distance"].max() < 1e-6
    assert len(errors) == 5
    forecast["lead_time"].attrs["units"] = "hours"
    forecast.to_netcdf(tmp_path / "forecast.nc")
    pd.testing.assert_frame_equal(track(tmp_path / "forecast.nc"), track(forecast))
    data.to_netcdf(tmp_path / "analyses.nc")
    pd.testing.assert_frame_equal(track(str(tmp_path / "analyses.nc")), track(data))


def test_a_storm_is_the_same_in_any_units():
    plain = vortex(lambda k: (40, 100 + k))
    other = plain.assign(
        msl=(plain["msl"] / 100).assign_attrs(units="hPa"),
        u10=(plain["u10"] * 3600 / 1852).assign_attrs(units="knots"),
        v10=(plain["v10"] * 3.6).assign_attrs(units="km h-1"),
    )
    wanted, found = track(plain), track(other)
    assert len(wanted) == 5
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-4)


def test_errors_against_the_best_tracks_of_an_archive():
    found = track(vortex(lambda k: (40, 100 + k)))
    best = found.drop(columns=["hours", "vorticity"]).assign(pressure=found["pressure"] + 100)
    errors = track_errors(found, best)
    assert errors["hours"].tolist() == [0, 6, 12, 18, 24]
    np.testing.assert_allclose(errors["pressure"], -100)
    with pytest.raises(
        DataError, match=r"tracks have the columns .*, got a table without \['wind'\]; make it with track"
    ):
        track_errors(found, best.drop(columns="wind"))


def test_a_member_that_is_not_there():
    pair = vortex(lambda k: (40, 100 + k), frames=2).expand_dims(number=[0, 1])
    assert len(track(pair, member=1)) == 2
    with pytest.raises(DataError, match=r"counted from 0, the data have 2, got member=2; choose one of them"):
        track(pair, member=2)


def test_what_is_missing_is_named():
    with pytest.raises(DataError, match="there is no msl among"):
        track(vortex(lambda k: (30, 100))[["u10", "v10"]])
    with pytest.raises(DataError, match="radius is positive, got 0"):
        Criteria(radius=0.0)


def test_the_january_blizzard_of_1996_comes_up_the_coast(shared):
    found = track(shared / "data" / "weather" / "storm1996_usa" / "storm1996_usa.nc")
    days = found[(found["time"] >= "1996-01-07T12") & (found["time"] <= "1996-01-09")]
    along = days[(days["longitude"] > -82) & (days["longitude"] < -60)].groupby("track").filter(lambda t: len(t) >= 3)
    assert not along.empty
    first, last = along.iloc[0], along.iloc[-1]
    assert first["latitude"] < last["latitude"]
    assert first["longitude"] < last["longitude"]
    assert along["pressure"].min() < 100000


def both(one, other):
    """Two storms in one atmosphere."""
    return one.assign(
        msl=(one["msl"] + other["msl"] - 101300).assign_attrs(units="Pa"),
        u10=(one["u10"] + other["u10"]).assign_attrs(units="m s-1"),
        v10=(one["v10"] + other["v10"]).assign_attrs(units="m s-1"),
    )


def test_storms_that_pass_each_other_keep_their_ways():
    """Eastwards and westwards at 17 m s-1 each: at the middle time each lies where the other is expected to be near."""
    east, west = (vortex(lambda k, s=s: (34 + 6 * s, 100 + 4 * s * (k - 3.4)), frames=8) for s in (1, -1))
    found = track(both(east, west), Criteria(radius=300.0, depth=100.0), steps=4)
    ways = found.groupby("track")["longitude"].apply(np.diff)
    assert len(ways) == 2
    assert {(np.sign(way)).sum() / len(way) for way in ways} == {1.0, -1.0}


def test_a_centre_near_the_last_place_of_another_storm_goes_on_as_its_own_went():
    """A degree apart in latitude: at the fifth time each lies nearer to where the other was than to where it was."""
    tracks: list[list[dict[str, float]]] = []
    for k, now in enumerate(np.arange(0.0, 36, 6)):
        found = [{"hours": now, "latitude": 40 + s, "longitude": 100 + 8 * s * (k - 3.4)} for s in (-0.5, 0.5)]
        _join(tracks, found, speed=100.0, before=now - 6)
    assert [{row["latitude"] for row in one} for one in tracks] == [{39.5}, {40.5}]


def test_a_track_ends_where_its_storm_is_gone_whatever_others_do():
    data = vortex(lambda k: (40, 100 + 2 * k), frames=6)
    calm = data.copy(deep=True)
    calm["u10"][2:3], calm["v10"][2:3] = 0, 0
    other = vortex(lambda k: (-40, 250 + 2 * k), south=True, frames=6)
    assert track(calm)["track"].tolist() == [0, 0, 1, 1, 1]
    beside = track(both(calm, other))
    assert beside[beside["latitude"] > 0].groupby("track").size().tolist() == [2, 3]
