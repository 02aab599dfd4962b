"""Statistics in one pass equal those of the whole array in memory, whatever the chunks, the workers and the kills."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, compute_statistics, convert, read_statistics
from humboldt.data_catalog.statistics import one_pass as module
from tests.data_catalog.source_files import yearly

QUIET: dict[str, Any] = {"progress": False}


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    monkeypatch.setattr("humboldt.data_catalog.statistics.channels._this_session", {})


def weather(seed: int = 0, times: int = 40) -> xr.Dataset:
    """A field [time, level, lat, lon] with missing values and a day that is not there."""
    rng = np.random.default_rng(seed)
    values = 1e4 + rng.standard_normal((times, 3, 7, 6)).cumsum(0)
    values[5, 1, :2] = np.nan
    days = np.delete(np.arange(times + 1), 17).astype(float)
    return xr.Dataset(
        {"z": (("time", "level", "lat", "lon"), values.astype(np.float32), {"units": "m"})},
        {"time": ("time", days, {"units": "days since 2001-01-01", "calendar": "noleap"}),
         "level": [850, 500, 250], "lat": ("lat", np.linspace(-90, 90, 7), {"units": "degrees_north"})},
    )  # fmt: skip


def truth(data: xr.Dataset, last: int, lead: int) -> dict[str, np.ndarray]:
    """Mean, deviation and increments of each level over the first times, in memory."""
    x = data.z.values.astype(np.float64)
    w = np.broadcast_to(np.clip(np.cos(np.radians(data.lat.values)), 0, None)[:, None], (7, 6))
    days = data.time.values
    found: dict[str, list[float]] = {"mean": [], "std": [], "difference": []}
    for level in range(3):
        starts = [t for t in range(last - lead) if days[t + lead] - days[t] == lead]
        parts = x[:last, level], np.stack([x[t + lead, level] - x[t, level] for t in starts])
        moments = []
        for part in parts:
            there = ~np.isnan(part)
            weight = np.broadcast_to(w, part.shape)[there]
            mean = np.average(part[there], weights=weight)
            moments.append((mean, np.sqrt(np.average((part[there] - mean) ** 2, weights=weight))))
        found["mean"].append(moments[0][0])
        found["std"].append(moments[0][1])
        found["difference"].append(moments[1][1])
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("chunks", [(1, 3, 7, 6), (40, 1, 2, 3), (7, 2, 7, 6)])
@pytest.mark.parametrize("workers", [1, 3])
def test_any_chunks_and_workers_give_what_memory_gives(chunks, workers):
    data = weather()
    lazy = data.assign(z=(data.z.dims, dask.array.from_array(data.z.values, chunks), data.z.attrs))
    found = compute_statistics(
        lazy, train={"time": ["2001-01-01", "2001-01-25"]}, leads=[1, 3], workers=workers, block_bytes=2000, **QUIET
    )
    z, true = found["variables"]["z"], truth(data, 24, 3)
    np.testing.assert_allclose(z["mean"], true["mean"], rtol=1e-6)
    np.testing.assert_allclose(z["std"], true["std"], rtol=1e-6)
    np.testing.assert_allclose(z["increments"]["3"]["std"], true["difference"], rtol=1e-6)
    inside = data.z.values[:24].astype(float)
    assert z["missing"] == [0, 12, 0]
    assert z["count"] == [24 * 42, 24 * 42 - 12, 24 * 42]
    np.testing.assert_allclose(z["min"], np.nanmin(inside, axis=(0, 2, 3)))
    np.testing.assert_allclose(z["max"], np.nanmax(inside, axis=(0, 2, 3)))
    assert z["level"] == [850, 500, 250]
    assert z["weights"] == "cosine of lat"
    assert found["over"] == {"time": [24, 40]}


def test_the_number_of_workers_changes_no_bit(monkeypatch):
    texts = set()
    for scheduler, workers in (("here", 1), ("threads", 2), ("threads", 5)):
        monkeypatch.setattr("humboldt.data_catalog.statistics.channels._this_session", {})
        found = compute_statistics(
            weather(), train="all", block_bytes=3000, scheduler=scheduler, workers=workers, **QUIET
        )
        texts.add(json.dumps(found))
    assert len(texts) == 1


def test_quantiles_are_those_of_the_data():
    data = weather().drop_vars("lat")
    found = compute_statistics(data, train="all", per=[], block_bytes=2000, **QUIET)["variables"]["z"]
    values = data.z.values[~np.isnan(data.z.values)].astype(float)
    for share, quantile in found["quantiles"].items():
        true = np.quantile(values, float(share), method="inverted_cdf")
        assert abs(quantile - true) <= 2**-12 * abs(true)
    assert "level" not in found


def test_areas_come_from_the_grid():
    data = weather().isel(lat=slice(1, 3), level=0, drop=True)
    data["area"] = (("lat", "lon"), np.arange(12.0).reshape(2, 6))
    data.z.attrs["cell_measures"] = "area: area"
    found = compute_statistics(data.set_coords("area"), train="all", **QUIET)["variables"]["z"]
    weight = np.broadcast_to(data.area, data.z.shape)
    there = data.z.notnull().values
    true = np.average(data.z.values[there].astype(float), weights=weight[there])
    assert found["mean"] == pytest.approx(true, rel=1e-12)
    assert found["weights"] == "cell areas (area)"
    bounds = weather().isel(level=0, drop=True)
    bounds = bounds.assign_coords(
        lat_bnds=(("lat", "two"), np.stack([bounds.lat - 10, bounds.lat + 10], 1).clip(-90, 90))
    )
    bounds.lat.attrs["bounds"] = "lat_bnds"
    assert compute_statistics(bounds, train="all", **QUIET)["variables"]["z"]["weights"] == "sines of lat_bnds"
    same = compute_statistics(bounds, train="all", weights="none", **QUIET)["variables"]["z"]
    assert same["mean"] == pytest.approx(float(bounds.z.astype(float).mean()), rel=1e-9)


def test_complex_numbers_are_refused():
    data = xr.Dataset({"spectrum": ("x", np.ones(3, complex))})
    with pytest.raises(DataError, match="are of real numbers, got complex128 for spectrum; name the other variables"):
        compute_statistics(data, train="all", **QUIET)


def test_latitudes_may_have_statistics_of_their_own():
    data = weather().isel(level=0)
    found = compute_statistics(data, train="all", per=["lat"], **QUIET)["variables"]["z"]
    assert found["weights"] == "none"
    assert found["mean"] == pytest.approx(data.z.mean(("time", "lon"), dtype="f8").values.tolist(), rel=1e-12)
    area = xr.DataArray(np.arange(42.0).reshape(7, 6), dims=("lat", "lon"))
    measured = data.assign(area=area, z=data.z.assign_attrs(cell_measures="area: area"))
    with pytest.raises(DataError, match=r"along 'lat' share it, got cell areas \(area\).* use weights='none'"):
        compute_statistics(measured, train="all", variables=["z"], per=["lat"], **QUIET)
    whole, alone = (compute_statistics(measured, train="all", variables=v, **QUIET) for v in (None, ["z"]))
    assert whole["variables"]["z"] == alone["variables"]["z"]
    assert alone["variables"]["z"]["weights"] == "cell areas (area)"


def test_what_is_kept_apart_is_part_of_what_was_asked(tmp_path):
    weather().to_netcdf(tmp_path / "w.nc")
    choices = {"train": "all", "weights": "none", **QUIET}
    ways: list[list[str] | None] = [["lat"], ["level"], [], ["lat"], None]
    sizes = [
        np.shape(compute_statistics(tmp_path / "w.nc", per=per, **choices)["variables"]["z"]["mean"]) for per in ways
    ]
    assert sizes == [(7,), (3,), (), (7,), (3,)]


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("model_level", {}),
        ("isobaricInPa", {}),
        ("hybrid", {}),
        ("lv_ISBL0", {"axis": "Z"}),
        ("z_soil", {"positive": "down"}),
    ],
)
def test_levels_have_statistics_of_their_own_under_any_name(name, attrs):
    data = weather().rename(level=name)
    data[name].attrs = attrs
    found, plain = (compute_statistics(d, train="all", **QUIET)["variables"]["z"] for d in (data, weather()))
    assert found == {name: plain.pop("level"), **plain, "per": name}


def test_leads_are_steps_ahead():
    with pytest.raises(DataError, match=r"at least 1 step, got leads \[0, 2\]; leave out"):
        compute_statistics(weather(), train="all", leads=[0, 2], **QUIET)


def test_variables_without_values_are_named():
    data = xr.Dataset({"u": ("x", np.ones(3)), "none": (("x", "y"), np.ones((3, 0)))})
    with pytest.raises(DataError, match=r"are of values, got none with .*'y': 0.*; name the other variables"):
        compute_statistics(data, train="all", **QUIET)


def test_increments_are_along_times_of_any_name():
    for name, attributes in (("valid_time", {}), ("zeit", {"units": "hours since 2001-01-01"}), ("q", {"axis": "T"})):
        data = xr.Dataset({"u": (name, np.arange(9.0) ** 2)}, {name: (name, np.arange(9.0), attributes)})
        found = compute_statistics(data, train="all", leads=[2], **QUIET)["variables"]["u"]["increments"]["2"]
        assert found["mean"] == pytest.approx(np.mean(4 * np.arange(7) + 4))


def test_an_object_with_decoded_times_gives_the_same(tmp_path):
    data = weather()
    train = {"time": ["2001-01-01", "2001-01-25"]}
    numbers = compute_statistics(data, train=train, leads=[1, 2], **QUIET)
    dates = compute_statistics(xr.decode_cf(data), train=train, leads=[1, 2], **QUIET)
    assert numbers["over"] == dates["over"] == {"time": [24, 40]}
    assert numbers["variables"] == dates["variables"]


def test_infinite_values_are_refused_or_missing():
    data = xr.Dataset({"u": (("sample", "x"), np.array([[1.0, 2.0], [np.inf, 4.0], [0.0, 0.0]]))})
    with pytest.raises(DataError, match="of finite numbers, got 1 infinite values in 'u'; repair the data, or"):
        compute_statistics(data, train="all", **QUIET)
    found = compute_statistics(data, train={"sample": 2}, infinite="missing", **QUIET)["variables"]["u"]
    assert (found["infinite"], found["missing"], found["count"]) == (1, 1, 3)
    assert found["mean"] == pytest.approx(7 / 3)


def test_they_are_kept_beside_the_data_and_found_again(tmp_path, monkeypatch):
    yearly(tmp_path / "years")
    path = convert(tmp_path / "years", tmp_path / "t.zarr", **QUIET)
    found = compute_statistics(path, train={"time": ["2001", "2002"]}, **QUIET)
    assert json.loads((tmp_path / "t.statistics.json").read_text())["statistics"][found["fingerprint"]] == found
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.statistics.json", "t.zarr", "years"]
    monkeypatch.setattr("humboldt.data_catalog.statistics.channels._this_session", {})
    monkeypatch.setattr(module, "completed", None)
    assert compute_statistics(path, train={"time": ["2001", "2002"]}, **QUIET) == found
    assert read_statistics(path, found["fingerprint"]) == found


def test_an_interrupted_pass_goes_on(tmp_path, monkeypatch):
    weather().to_netcdf(tmp_path / "z.nc")
    choices: dict[str, Any] = {"train": "all", "block_bytes": 1100, "scheduler": "here", **QUIET}
    monkeypatch.setattr(module, "KEEP_EVERY", 1)
    summarise, done = module.summarise, []

    def dying(about: Any, box: Any) -> Any:
        done.append(box)
        if len(done) == 9:
            raise KeyboardInterrupt
        return summarise(about, box)

    monkeypatch.setattr(module, "summarise", dying)
    with pytest.raises(KeyboardInterrupt):
        compute_statistics(tmp_path / "z.nc", **choices)
    found = compute_statistics(tmp_path / "z.nc", **choices)
    assert len(done) == len(set(map(str, done))) + 1
    monkeypatch.setattr("humboldt.data_catalog.statistics.channels._this_session", {})
    assert found == compute_statistics(xr.open_dataset(tmp_path / "z.nc", decode_times=False), **choices)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["z.nc", "z.statistics.json"]


def test_a_kill_after_the_result_leaves_nothing_once_it_is_asked_for_again(tmp_path, monkeypatch):
    def killed(self):
        raise KeyboardInterrupt

    weather(times=20).to_netcdf(tmp_path / "z.nc")
    choices = {"train": "all", "block_bytes": 4000, "progress": False}
    monkeypatch.setattr(module, "KEEP_EVERY", 1)
    with monkeypatch.context() as patch:
        patch.setattr(module.Notes, "clear", killed)
        with pytest.raises(KeyboardInterrupt):
            compute_statistics(tmp_path / "z.nc", **choices)
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    other = tmp_path / ".z.statistics.json.0123.npz"
    other.touch()
    compute_statistics(tmp_path / "z.nc", **choices)
    assert [p for p in tmp_path.iterdir() if p.name.startswith(".")] == [other]


KILLER = """
import multiprocessing, random, sys, time
from humboldt.data_catalog import compute_statistics
from humboldt.data_catalog.statistics import one_pass
one_pass.KEEP_EVERY = 2

def go(source):
    compute_statistics(source, train="all", block_bytes=4000, workers=2, progress=False)

def killed(source, seconds):
    child = multiprocessing.get_context("fork").Process(target=go, args=(source,))
    child.start()
    child.join(seconds)
    alive = child.is_alive()
    if alive:
        child.kill()
    child.join()
    assert alive or child.exitcode == 0, child.exitcode
    return alive

if __name__ == "__main__":
    folder, count = sys.argv[1], int(sys.argv[2])
    start = time.time()
    assert not killed(folder + "/whole.nc", 200)
    whole, kills, copies, chance = time.time() - start, 0, 0, random.Random(0)
    while kills < count and copies < 150:
        copies += 1
        for _ in range(4):  # until it ends before it is killed: a run that has its result does nothing
            if not killed(f"{folder}/{copies}.nc", chance.uniform(0, 0.8 * whole)):
                break
            kills += 1
        assert not killed(f"{folder}/{copies}.nc", 200)
    print(kills, copies)
"""


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_kills_at_random_instants_end_with_the_same_numbers(tmp_path: Path, root: Path) -> None:
    for name in ("whole", *range(1, 151)):
        weather(times=20).to_netcdf(tmp_path / f"{name}.nc")
    killer = tmp_path.parent / "statistics_killer.py"
    killer.write_text(KILLER)
    words = [sys.executable, str(killer), str(tmp_path), "30"]
    done = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kills, copies = map(int, done.stdout.split())
    assert kills >= 30

    def kept(name: object) -> str:
        return json.dumps(json.loads((tmp_path / f"{name}.statistics.json").read_text())["statistics"])

    for number in range(1, copies + 1):
        assert kept(number) == kept("whole")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
