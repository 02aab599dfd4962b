import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, add_entry, draft, load_catalog, read_entry, verify

ANSWERS = {"id": "weather.mine", "title": "Mine", "licence": "CC0-1.0", "citation": {"text": "me"}}


def globe(**time):
    times = ("time", np.arange(4.0), {"units": "days since 2001-01-01", **time})
    lat, lon = np.arange(-75.0, 90.0, 30.0), np.arange(0.0, 360.0, 30.0)
    values = np.random.default_rng(0).normal(size=(4, 6, 12)).astype(np.float32)
    return xr.Dataset(
        {
            "u": (("time", "lat", "lon"), values, {"units": "m s-1", "standard_name": "eastward_wind"}),
            "orography": (("lat", "lon"), values[0], {"units": "m"}),
        },
        {"time": times, "lat": lat, "lon": lon},
    )


def test_what_a_file_says_is_in_the_draft(tmp_path):
    globe(calendar="360_day").to_netcdf(tmp_path / "a.nc", encoding={"u": {"chunksizes": (1, 6, 12), "zlib": True}})
    found = draft(tmp_path / "a.nc")
    assert found["dims"] == {"time": "time", "space": ["lat", "lon"]}
    assert found["calendar"] == "360_day"
    assert found["sizes"] == {"time": 4, "lat": 6, "lon": 12}
    assert found["grid"]["type"] == "regular_latlon"
    assert found["grid"]["periodic"] == ["lon"]
    assert found["variables"]["u"] == {"units": "m s-1", "standard_name": "eastward_wind"}
    assert found["variables"]["orography"]["role"] == "static"
    assert found["chunking"] == {"time": 1, "lat": 6, "lon": 12}
    assert found["source"]["files"][0]["bytes"] == (tmp_path / "a.nc").stat().st_size


def test_the_entry_that_is_written_is_found_opened_and_true(tmp_path, monkeypatch):
    globe(calendar="noleap").to_netcdf(tmp_path / "a.nc")
    written, place = add_entry(tmp_path / "a.nc", ANSWERS, tmp_path / "entries")
    assert place == tmp_path / "entries" / "weather.mine.yaml"
    monkeypatch.setenv("HUMBOLDT_CATALOG", str(tmp_path / "entries"))
    assert load_catalog().find("weather.mine") == written
    report = verify(written)
    assert report.ok, str(report)
    assert written.statistics is not None
    assert written.statistics.variables["u"].mean == pytest.approx(float(globe()["u"].mean(dtype="f8")), rel=1e-6)


def test_what_an_entry_cannot_hold_does_not_stop_it(tmp_path, caplog):
    data = globe(calendar="noleap")
    data["u"].attrs = {"units": " μg m⁻³ ", "standard_name": "mass of PM2.5"}
    data["orography"].attrs["units"] = "<metres>"
    data["time_bnds"] = (("time", "nv"), np.zeros((4, 2)))
    data["time"].attrs["bounds"] = "time_bnds"
    data["crs"] = ((), 0, {"grid_mapping_name": "latitude_longitude"})
    data.attrs["title"] = "A title of many words\n" * 20
    data.to_netcdf(tmp_path / "a.nc")
    answers = {key: value for key, value in ANSWERS.items() if key != "title"}
    written, place = add_entry(tmp_path / "a.nc", answers, tmp_path / "entries")
    assert sorted(written.variables) == ["orography", "u"]
    u, orography = written.variables["u"], written.variables["orography"]
    assert (u.units, u.standard_name, u.long_name) == ("μg m⁻³", None, "mass of PM2.5")
    assert orography.units is None
    assert "the units '<metres>' of orography" in caplog.text
    assert len(written.title) <= 200
    assert written.title.endswith(" …")
    assert read_entry(place) == written
    assert verify(written).ok


def test_missing_values_are_said_and_verified(tmp_path):
    data = globe(calendar="noleap")
    data["u"][1, 2, 3] = np.nan
    data.to_netcdf(tmp_path / "a.nc")
    written, _ = add_entry(tmp_path / "a.nc", ANSWERS, tmp_path / "entries")
    assert written.missing.policy == "mask"
    assert "ok       missing      policy mask; of 16 samples 1 of u" in str(verify(written))
    strict, _ = add_entry(tmp_path / "a.nc", {**ANSWERS, "missing": {"policy": "skip"}}, tmp_path / "entries")
    assert strict.missing.policy == "skip"
    untrue = strict.model_copy(update={"missing": type(strict.missing)()})
    assert "failed   missing      u: none by the entry (policy error), got 1; correct one" in str(verify(untrue))


def test_stores_tables_and_folders(tmp_path):
    globe(calendar="noleap").to_zarr(tmp_path / "a.zarr", consolidated=False)
    assert draft(tmp_path / "a.zarr")["source"]["kind"] == "zarr"
    pd.DataFrame({"smiles": ["C", "CC"], "logp": [0.5, 1.5]}).to_csv(tmp_path / "a.csv", index=False)
    table = draft(tmp_path / "a.csv")
    assert table["variables"]["smiles"] == {"kind": "text", "role": "label"}
    assert table["dims"] == {"sample": "row"}
    answers = {**ANSWERS, "id": "graphs.mine"}
    assert verify(add_entry(tmp_path / "a.csv", answers, tmp_path / "entries")[0]).ok
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.csv").rename(tmp_path / "folder" / "a.csv")
    (found,) = draft(tmp_path / "folder")["source"]["files"]
    assert found["path"] == "a.csv"


@pytest.mark.parametrize("lacking", ["id", "title", "licence", "citation"])
def test_what_cannot_be_known_is_asked_for(tmp_path, lacking):
    globe(calendar="noleap").to_netcdf(tmp_path / "a.nc")
    answers = {key: value for key, value in ANSWERS.items() if key != lacking}
    with pytest.raises(DataError, match=f"got no {lacking}; the file does not say it"):
        add_entry(tmp_path / "a.nc", answers, tmp_path)
    assert not list(tmp_path.glob("*.yaml"))


def test_a_calendar_is_not_guessed(tmp_path):
    globe().to_netcdf(tmp_path / "a.nc")
    with pytest.raises(DataError, match=r"times have a calendar, got none in .*say which: calendar="):
        add_entry(tmp_path / "a.nc", ANSWERS, tmp_path)
    assert add_entry(tmp_path / "a.nc", {**ANSWERS, "calendar": "noleap"}, tmp_path)[0].calendar == "noleap"
    with pytest.raises(DataError, match="got 'nolep'; did you mean 'noleap'"):
        add_entry(tmp_path / "a.nc", {**ANSWERS, "calendar": "nolep"}, tmp_path)


def test_changed_data_need_a_new_version(tmp_path):
    globe(calendar="noleap").to_netcdf(tmp_path / "a.nc")
    add_entry(tmp_path / "a.nc", ANSWERS, tmp_path)
    add_entry(tmp_path / "a.nc", ANSWERS, tmp_path)
    (globe(calendar="noleap") * 2).to_netcdf(tmp_path / "a.nc")
    before = (tmp_path / "weather.mine.yaml").read_text()
    answers = {**ANSWERS, "calendar": "noleap"}
    with pytest.raises(DataError, match=r"a changed checksum needs a new version, got .* weather\.mine"):
        add_entry(tmp_path / "a.nc", answers, tmp_path)
    assert (tmp_path / "weather.mine.yaml").read_text() == before
    assert add_entry(tmp_path / "a.nc", {**answers, "version": "1.1.0"}, tmp_path)[0].version == "1.1.0"


def test_terms_in_the_file_are_kept(tmp_path):
    data = globe(calendar="noleap").assign_attrs(license="Redistribution prohibited", title="Theirs", references="her")
    data.to_netcdf(tmp_path / "a.nc")
    found = draft(tmp_path / "a.nc")
    assert (found["redistribution"], found["title"], found["citation"]) == ("forbidden", "Theirs", {"text": "her"})
    assert "licence" not in found


def test_what_holds_no_variables_is_no_data_set(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/fields/u"] = np.ones(3)
    with pytest.raises(DataError, match=r"describes variables, got none in .*a\.h5; convert the group that holds them"):
        add_entry(tmp_path / "a.h5", ANSWERS, tmp_path / "entries")


def test_a_folder_that_cannot_be_written(tmp_path):
    globe(calendar="noleap").to_netcdf(tmp_path / "a.nc")
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"that can be written, got .*file/entries .*; set HUMBOLDT_CATALOG to"):
        add_entry(tmp_path / "a.nc", ANSWERS, tmp_path / "file" / "entries")


def test_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("HUMBOLDT_CATALOG", raising=False)
    with pytest.raises(FileNotFoundError, match=r"drafted from data that are there, got .*nowhere\.nc"):
        draft(tmp_path / "nowhere.nc")
    with pytest.raises(DataError, match="own entries lie in a folder, got none; set HUMBOLDT_CATALOG"):
        add_entry(tmp_path / "a.nc", ANSWERS)
