"""Blocks give what one prediction gives, in every science, whatever interrupts them."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from humboldt.cli import main
from humboldt.domains import biodiversity, pde
from humboldt.domains.biodiversity import environment as environments
from humboldt.domains.biodiversity.populations import populations_nano
from humboldt.domains.graphs import open_graphs, properties
from humboldt.domains.weather import make_climatology
from humboldt.forecasting import predict
from humboldt.foundations import Pieces
from humboldt.streaming import Blocks, StreamError
from tests.domains.biodiversity.distribution.small import environment, network, occurrences, region
from tests.domains.biodiversity.small_bioanalyst import small as small_grid
from tests.domains.biodiversity.test_forecast import months
from tests.domains.graphs.test_properties import table, tiny
from tests.domains.weather.models import model as weather_model
from tests.domains.weather.test_forecast import states as weather_states
from tests.finetune.tiny import tiny_model


def fields(count: int = 7) -> xr.Dataset:
    draw = np.random.default_rng(0).standard_normal
    dims = ("sample", "x", "y")
    columns = {n: (dims, draw((count, 16, 16)).astype("float32"), {"units": "1"}) for n in ("velocity_x", "velocity_y")}
    return xr.Dataset(columns, coords={"sample": np.arange(count) * 10}, attrs={"periodic": "x y"})


def opened(path):
    engine = "zarr" if path.is_dir() else None
    return xr.open_dataset(path, engine=engine, decode_timedelta=False, decode_coords="all")


@pytest.mark.parametrize(("name", "workers"), [("f.nc", 1), ("f.zarr", 2)])
def test_states(tmp_path, name, workers):
    model, state = tiny_model().eval(), fields()
    torch.set_num_threads(2)  # whose threads a process that is forked has not got
    whole = predict(model, state, [0.5, 1.0])
    blocks = Blocks(model, state, [0.5, 1.0], "sample", {"batch_size": 3})
    place = blocks.write(tmp_path / name, workers)
    with opened(place) as found:
        xr.testing.assert_allclose(found.load(), whole, rtol=1e-4, atol=1e-5)
        assert found["velocity_x"].attrs == whole["velocity_x"].attrs
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_terminal_sees_how_far_the_blocks_are(tmp_path, monkeypatch, capsys):
    blocks = Blocks(tiny_model().eval(), fields(4), [0.5], "sample", {"batch_size": 2})
    blocks.write(tmp_path / "quiet.nc")
    assert not capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    blocks.write(tmp_path / "f.nc")
    said = capsys.readouterr().err
    assert "blocks: 100%" in said
    assert "2/2" in said


@pytest.mark.parametrize("workers", [1, 2])
def test_states_of_the_atmosphere(tmp_path, workers):
    """From every time that has one before it; times that count from their own block fit together."""
    model, climate = weather_model(), make_climatology(weather_states(), 61)
    states = weather_states(8)
    states = states.assign_coords(time=states["time"] + np.timedelta64(20, "m") * np.arange(8))
    states.to_netcdf(tmp_path / "states.nc")
    blocks = Blocks(model, str(tmp_path / "states.nc"), [1.5, 6.0], "time", {"batch_size": 2, "climatology": climate})
    with opened(blocks.write(tmp_path / "f.nc", workers)) as found:
        assert found["init_time"].values.tolist() == states["time"].values[1:].tolist()
        hours = (found["valid_time"] - found["init_time"]) / np.timedelta64(1, "h")
        np.testing.assert_allclose(hours.transpose("init_time", "lead_time"), [[1.5, 6.0]] * 7)
        for start in (0, 3, 6):
            alone = predict(model, states, [1.5, 6.0], start=(start,), climatology=climate)
            for variable in alone:
                np.testing.assert_allclose(
                    found[variable].isel(init_time=[start]), alone[variable], rtol=1e-4, atol=1e-4
                )
    stepped = {"rollout": "autoregressive", "step": 6.0, "climatology": climate}
    with opened(
        Blocks(model, states, [12.0], "time", {**stepped, "batch_size": 4}).write(tmp_path / "s.zarr")
    ) as found:
        alone = predict(model, states, [12.0], **stepped)
        np.testing.assert_allclose(found["T"].isel(init_time=[-1]), alone["T"], rtol=1e-4, atol=0.05)


def test_months(tmp_path):
    torch.manual_seed(0)
    config = small_grid()
    model, data = biodiversity.build(config).eval(), months(9)
    choices = {"groups": [group.name for group in config.groups], "batch_size": 3}
    with opened(Blocks(model, data, [1.0, 3.0], "time", choices).write(tmp_path / "m.nc", 2)) as found:
        assert found.sizes["init_time"] == 8
        assert found["valid_time"].dt.strftime("%Y-%m").values[:, -1].tolist() == ["2001-10", "2001-12"]
        for last in (5, 9):
            alone = predict(model, data.isel(time=slice(last)), [1, 3], groups=choices["groups"])
            here = found.sel(init_time=data["time"].values[last - 1])
            for variable in alone:
                np.testing.assert_allclose(here[variable], alone[variable], rtol=1e-4, atol=1e-4)


def test_maps_of_species(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "CELLS", 24 * 7)  # 24 columns: blocks of seven rows
    model, here = network(), region()
    layers, records = environment(here), occurrences(here)
    choices = {"occurrences": records, "background": 200}
    whole = predict(model, layers, **choices)
    with opened(Blocks(model, layers, [], None, choices).write(tmp_path / "maps.nc", 2)) as found:
        for name in ("suitability", "lower", "upper", "extrapolation"):
            np.testing.assert_allclose(found[name], whole[name], atol=1e-5)
            assert found[name].attrs["units"] == whole[name].attrs["units"]
        assert found["species"].values.tolist() == whole["species"].values.tolist()
        assert str(found.rio.crs) == "EPSG:4326"


@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz", "m.smi", "m.parquet"])
def test_molecules(tmp_path, monkeypatch, name):
    monkeypatch.setattr(properties, "BATCHES", 2)
    rows = table(11).assign(note='of "two"\nlines, here')
    rows.loc[4, "smiles"] = "no molecule"
    if name.endswith("smi"):
        (tmp_path / name).write_text("\n".join(rows["smiles"].str.replace(" ", "")))
    else:
        (rows.to_parquet if "parquet" in name else rows.to_csv)(tmp_path / name, index=False)
    model = properties.for_task(tiny(), open_graphs(table(30), targets=["carbons"]), "regression")
    whole = predict(model, tmp_path / name)
    path = Blocks(model, tmp_path / name, [], None, {"batch_size": 2}).write(tmp_path / "p.csv", 2)
    found = pd.read_csv(path, keep_default_na=False, na_values={"carbons": [""]})
    assert len(found) == 11
    assert found["problem"].tolist() == whole["problem"].tolist()
    assert [bool(problem) for problem in found["problem"]] == [row == 4 for row in range(11)]
    np.testing.assert_allclose(found["carbons"], whole["carbons"], rtol=1e-4)


@pytest.fixture
def made(monkeypatch):
    """Sizes of the blocks of fields that were made; the second one is interrupted."""
    found, real = [], pde.PDE.pieces

    def counted(*words, **choices):
        pieces = real(*words, **choices)

        def make(first, end):
            found.append(end - first)
            if len(found) == 2:
                raise KeyboardInterrupt
            return pieces.make(first, end)

        return Pieces(pieces.count, pieces.size, pieces.along, make)

    monkeypatch.setattr(pde.PDE, "pieces", counted)
    return found


def test_blocks_that_are_there_are_not_made_again(tmp_path, made):
    model, state = tiny_model().eval(), fields()

    def write(model=model, state=state, times=(1.0,), **choices):
        return Blocks(model, state, times, "sample", {"batch_size": 3, **choices}).write(tmp_path / "f.nc")

    with pytest.raises(KeyboardInterrupt):
        write()
    with pytest.raises(StreamError, match=r"of another prediction \(another lead_times\); remove it, or choose"):
        write(times=[2.0])
    with pytest.raises(StreamError, match=r"another source\)"):
        write(state=state + 1)
    with pytest.raises(StreamError, match=r"another choices\)"):
        write(rollout="autoregressive")
    tuned = tiny_model().eval()
    tuned.head.load_state_dict({key: value + 1 for key, value in tuned.head.state_dict().items()})
    with pytest.raises(StreamError, match=r"another model\)"):
        write(model=tuned)
    write()
    assert made == [3, 3, 3, 1]


def test_a_state_that_was_changed_in_the_middle_is_another_source(tmp_path, made):
    path = tmp_path / "s.zarr"
    fields().to_zarr(path, encoding={f"velocity_{axis}": {"chunks": (1, 16, 16)} for axis in "xy"}, zarr_format=2)

    def write():
        blocks = Blocks(tiny_model().eval(), xr.open_zarr(path), [1.0], "sample", {"batch_size": 3})
        return blocks.write(tmp_path / "f.nc")

    with pytest.raises(KeyboardInterrupt):
        write()
    changed = (xr.open_zarr(path)[["velocity_x"]].isel(sample=[3]) + 1).drop_vars("sample")
    changed.to_zarr(path, region={"sample": slice(3, 4)})
    with pytest.raises(StreamError, match=r"another source\)"):
        write()


def test_what_another_process_is_writing_is_left_to_it(tmp_path):
    """Those of a killed command live on for a moment, at the same blocks."""
    theirs = tmp_path / ".f.nc.blocks" / ".0"
    theirs.mkdir(parents=True)
    model = tiny_model().eval()
    with opened(Blocks(model, fields(4), [0.5], "sample", {"batch_size": 2}).write(tmp_path / "f.nc")) as found:
        xr.testing.assert_allclose(found.load(), predict(model, fields(4), [0.5]))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_command_that_is_killed_goes_on(tmp_path, workers):
    state = fields(60)
    state.to_netcdf(tmp_path / "states.nc")
    model = tiny_model().eval()
    model.save(tmp_path / "model")
    folder = tmp_path / ".f.nc.blocks"
    words = ["predict", str(tmp_path / "model"), str(tmp_path / "states.nc"), "--along", "sample", "--batch-size", "1"]
    words += ["--workers", str(workers), "--lead-times", "1", "--output", str(tmp_path / "f.nc")]
    running = subprocess.Popen([sys.executable, "-m", "humboldt", *words], start_new_session=True)
    while running.poll() is None and len(list(folder.glob("0*.nc"))) < 5:
        time.sleep(0.01)
    running.kill()  # the first process alone: the others end with it
    assert running.wait() == -signal.SIGKILL
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("0*.nc")}
    assert 5 <= len(before) < 60
    assert main(words) == 0
    with opened(tmp_path / "f.nc") as found:
        whole = predict(model, state, [1.0])
        xr.testing.assert_allclose(found.load(), whole, rtol=1e-4, atol=1e-5)
    assert not folder.exists()
    until = time.monotonic() + 60
    while are_there(running.pid) and time.monotonic() < until:  # until the system has gathered them
        time.sleep(0.1)
    assert not are_there(running.pid)


def are_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_a_process_could_not_do_is_told(tmp_path):
    state = fields()
    state["velocity_x"][4, 0, 0] = np.nan
    blocks = Blocks(tiny_model().eval(), state, [1.0], "sample", {"batch_size": 2})
    with pytest.raises(StreamError, match=r"got ValueError: a state is finite everywhere, but 'velocity_x' has 1 NaN"):
        blocks.write(tmp_path / "f.nc", 2)
    assert len(list((tmp_path / ".f.nc.blocks").glob("0*.nc"))) == 3  # the others are kept


def test_a_dry_run_makes_one_block_and_writes_nothing(tmp_path):
    found = Blocks(tiny_model().eval(), fields(), [0.5, 1.0], "sample", {"batch_size": 3}).plan(workers=2)
    assert (found["parts"], found["blocks"]) == (7, 3)
    assert found["seconds"] == pytest.approx(2 * found["seconds per block"], abs=0.06)
    assert found["core_hours"] == pytest.approx(3 * found["seconds per block"] / 3600, abs=1e-4)
    assert found["memory_megabytes"] > 100
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("choices", "share"), [({}, 3), ({"rollout": "autoregressive", "step": 0.5}, 4)])
def test_a_plan_of_what_is_made_at_once_is_of_its_first_lead_time(choices, share, monkeypatch):
    """In proportion to the lead times, or to the steps on the way: a clock that goes ten seconds a lead time."""
    clock, asked = [0.0], []
    monkeypatch.setattr("humboldt.streaming.time.perf_counter", lambda: clock[0])

    def timed(self, model, source, lead_times, **choices):
        asked.append(lead_times)
        clock[0] += 10.0

    monkeypatch.setattr(pde.PDE, "predict", timed)
    plan = Blocks(tiny_model().eval(), fields(), [0.5, 1.0, 2.0], choices=choices).plan()
    assert asked == [[0.5], [0.5]]
    assert plan["seconds"] == share * 10
    assert plan["source"]["sizes"] == {"sample": 7, "x": 16, "y": 16}


def test_what_cannot_be_cut(tmp_path):
    model, state = tiny_model(), fields()
    for along in ("member", "x"):
        with pytest.raises(ValueError, match=rf"independent states, one of \['sample'\], got '{along}'; name it"):
            Blocks(model, state, [1.0], along).write(tmp_path / "f.nc")
    with pytest.raises(StreamError, match=r"got none for this model of pde; name it with along \(--along\)"):
        Blocks(model, state, [1.0]).write(tmp_path / "f.nc")
    with pytest.raises(StreamError, match="one part or more, got a source with none"):
        Blocks(model, state.isel(sample=[]), [1.0], "sample").write(tmp_path / "f.nc")
    with pytest.raises(ValueError, match=r"predict_states has the choices .*, got 'stepp'; did you mean 'step'"):
        Blocks(model, state, [1.0], "sample", {"stepp": 1}).write(tmp_path / "f.nc")
    with pytest.raises(ValueError, match=r"start from every time of the data, along 'time', got 'number'"):
        Blocks(weather_model(), weather_states(), [6.0], "number").write(tmp_path / "f.nc")
    with pytest.raises(ValueError, match=r"from every time of the data, along 'time', got start=\[0\]; leave it out"):
        Blocks(weather_model(), weather_states(), [6.0], "time", {"start": [0]}).write(tmp_path / "f.nc")
    with pytest.raises(ValueError, match="counts are not cut, got along='site'; leave it out"):
        Blocks(biodiversity.build(populations_nano()), pd.DataFrame(), [1.0], "site").write(tmp_path / "f.csv")
    with pytest.raises(ValueError, match="molecules are rows and have no dimension to cut along, got 'row'"):
        Blocks(tiny(), ["CC"], [], "row").write(tmp_path / "f.csv")
    with pytest.raises(ValueError, match=r"got no records; give occurrences \(--occurrences FILE\)"):
        Blocks(network(), environment(region()), []).write(tmp_path / "f.nc")
    assert list(tmp_path.iterdir()) == []
