import hashlib
import json
import re

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import home, verify
from tests.data_catalog.small_entries import entry


def field(**changes):
    """A NetCDF file and the entry that fits it; `changes` are of the entry."""
    dims = {"time": "time", "space": ["latitude", "longitude"]}
    splits = {
        "along": "time",
        "train": {"first": "2001-01-01", "last": "2001-01-06"},
        "test": {"first": "2001-01-07", "last": "2001-01-10"},
    }
    statistics = {
        "over": "train",
        "by": "Humboldt",
        "variables": {"u": {"mean": 10.0, "std": 2.0, "min": 0.0, "max": 20.0}},
    }
    known = {
        "id": "weather.small",
        "dims": dims,
        "calendar": "noleap",
        "sizes": {"time": 10},
        "splits": splits,
        "statistics": statistics,
    }
    return {**known, **changes}


def data(**attributes):
    values = np.random.default_rng(0).normal(10.0, 2.0, (10, 4, 8)).clip(0.1, 19.9)
    time = {"units": "days since 2001-01-01", "calendar": "noleap"}
    return xr.Dataset(
        {"u": (("time", "latitude", "longitude"), values, {"units": "m/s"})},
        {"time": ("time", np.arange(10), time)},
        attributes,
    )


def checked(tmp_path, contents, **changes):
    place = home(entry(**field()), tmp_path) / "a.nc"
    place.parent.mkdir(parents=True, exist_ok=True)
    contents.to_netcdf(place)
    sha256 = hashlib.sha256(place.read_bytes()).hexdigest()
    file = {"path": "a.nc", "sha256": sha256, "bytes": place.stat().st_size}
    source = {"kind": "files", "files": [{**file, **changes.pop("file", {})}]}
    return verify(entry(**field(source=source, **changes)), cache=tmp_path)


def failures(report):
    return [(f.check, f.message) for f in report.findings if f.status == "failed"]


def test_a_true_entry(tmp_path):
    report = checked(tmp_path, data())
    assert report.ok, str(report)
    checks = {"splits", "checksum", "units", "calendar", "sizes", "missing", "statistics"}
    assert {f.check for f in report.findings} == checks
    assert {f.status for f in report.findings} == {"ok"}
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True
    assert str(report).startswith("weather.small 1.0.0: ok\n")


def time_with(**attributes):
    changed = data()
    changed["time"] = ("time", np.arange(10), attributes)
    return changed


@pytest.mark.parametrize(
    ("contents", "changes", "check", "message"),
    [
        (data(), {"file": {"sha256": "0" * 64}}, "checksum", "a.nc has 0+, got [0-9a-f]{64}; fetch it again"),
        (data(), {"file": {"sha256": None, "md5": "0" * 32}}, "checksum", "a.nc has 0{32}, got [0-9a-f]{32};"),
        (data(), {"file": {"bytes": 3}}, "size", "a.nc has 3 bytes"),
        (data(), {"variables": {"u": {"units": "km h-1"}}}, "units", "u is in 'km h-1', got 'm/s' in the data"),
        (data().rename(u="w"), {}, "variables", "u is not in the data under this name; they have .'w'"),
        (data(), {"calendar": "360_day"}, "calendar", "360_day in the entry, got 'noleap' in the data"),
        (time_with(units="days since 2001-01-01"), {}, "calendar", "got none in the data; it is not guessed"),
        (time_with(units="days since 2001-01-01", calendar="no"), {}, "calendar", "got 'no' in the data"),
        (data().isel(time=slice(5)), {}, "sizes", "time has 10 labels, got 5"),
        (
            data().isel(time=slice(5)),
            {"sizes": {}},
            "splits",
            r"test \(2001-01-07 to 2001-01-10\) holds 0 labels of time",
        ),
        (data() + 9.0, {}, "statistics", "u: mean 10, std 2; of 16 samples 1"),
        (data(license="Redistribution prohibited"), {"redistribution": "allowed"}, "licence", "the data say 'license"),
    ],
)
def test_each_kind_of_fault(tmp_path, contents, changes, check, message):
    if "calendar" not in contents["time"].attrs and "units" not in contents["time"].attrs:
        contents["time"] = data()["time"][: contents.sizes["time"]]
    contents["time"].encoding = {}
    found = failures(checked(tmp_path, contents, **changes))
    assert [one for one in found if one[0] == check and re.search(message, one[1])], found


def test_dates_where_the_entry_says_there_are_none(tmp_path):
    splits = {"along": "time", "train": {"first": 0, "last": 5}, "test": {"first": 6, "last": 9}}
    report = checked(tmp_path, data(), calendar="none", splits=splits)
    assert failures(report) == [("calendar", "none in the entry, units 'days since 2001-01-01' in the data")]


def test_without_data_only_the_entry_is_looked_at(tmp_path):
    report = verify(entry(**field()), cache=tmp_path)
    assert report.ok
    assert [f.check for f in report.findings] == ["splits", "data"]
    assert "fetch them first" in report.findings[1].message
    remote = verify(entry(source={"kind": "remote", "url": "gs://a/b.zarr"}), cache=tmp_path)
    assert "no checksum is published" in remote.findings[-1].message


def test_generated_data_are_made_again_and_compared(tmp_path):
    one = entry(source={"kind": "generated", "problem": "p", "seed": 1})
    (home(one, tmp_path) / "made").mkdir(parents=True)
    np.savez(home(one, tmp_path) / "made" / "a.npz", u=np.arange(3.0))

    def make(last):
        return lambda entry, folder: np.savez(folder / "a.npz", u=np.array([0.0, 1.0, last]))

    assert verify(one, cache=tmp_path, make=make(2.0)).ok
    assert failures(verify(one, cache=tmp_path, make=make(np.nextafter(2.0, 3.0))))[0][0] == "checksum"
