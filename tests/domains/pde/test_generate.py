import errno
import shutil
from collections import namedtuple
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from humboldt.domains.pde import trajectory_store
from humboldt.domains.pde.generate import generate, generate_families
from humboldt.domains.pde.problem_type import Field, Problem, sample_generator
from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.solvers import UnstableSolutionError

module = import_module("humboldt.domains.pde.generate")  # the package shows the function of that name
SMALL: dict[str, Any] = {"samples": 5, "resolution": 16, "snapshots": 3, "batch": 2, "progress": False}


def plan_of(store: Path) -> dict[str, Any]:
    plan = trajectory_store.read_plan(store)
    assert plan is not None
    return plan


def contents(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def kill_at(monkeypatch: pytest.MonkeyPatch, batch: int, error: BaseException) -> None:
    """Make the run end with ``error`` when it has half-written that batch."""
    count = 0

    def dying(path: Path, plan: trajectory_store.Plan, samples: range) -> None:
        nonlocal count
        count += 1
        trajectory_store.write_samples(path, plan, samples)
        if count == batch:
            raise error

    monkeypatch.setattr(module, "write_samples", dying)


def test_a_store_holds_the_solution_with_its_attributes(tmp_path):
    path = generate("ns-tracer-pwc", output=tmp_path / "a.zarr", seed=7, **SMALL)
    data = xr.open_zarr(path)
    truth = problem("ns-tracer-pwc").solve(5, seed=7, resolution=16, times=[0.0, 0.5, 1.0])
    assert data.attrs["fields"] == ["velocity_x", "velocity_y", "tracer"]
    for number, name in enumerate(data.attrs["fields"]):
        np.testing.assert_array_equal(data[name].values, truth[:, :, number])
        assert data[name].dims == ("sample", "time", "x", "y")
        assert data[name].encoding["chunks"] == (1, 3, 16, 16)
        assert {"units", "long_name", "group"} <= set(data[name].attrs)
    np.testing.assert_array_equal(data.time, [0, 0.5, 1])
    np.testing.assert_allclose(data.x, np.arange(16) / 16)
    assert data.attrs["Conventions"].startswith("CF-")
    assert data.attrs["periodic"] == ["x", "y"]
    assert data.attrs["license"] == "CC0-1.0"
    assert plan_of(path)["seed"] == 7
    data.to_netcdf(tmp_path / "a.nc")
    xr.testing.assert_identical(xr.open_dataset(tmp_path / "a.nc").drop_attrs(), data.drop_attrs())
    (tmp_path / "a.nc").unlink()
    assert list(tmp_path.iterdir()) == [path]


def test_places_are_where_the_values_stand(tmp_path):
    """At the ends of intervals for series, in the middles of cells for gases and for values given on a boundary."""
    small: dict[str, Any] = {"samples": 1, "resolution": 8, "progress": False}
    begins = {"ns-sl": 0.0, "wave-gauss": 0.0, "ce-rp": 1 / 16, "gce-rt": -0.5 + 1 / 16, "helmholtz": 1 / 16}
    for name, first in begins.items():
        data = xr.open_zarr(generate(name, output=tmp_path / f"{name}.zarr", **small, snapshots=2))
        np.testing.assert_allclose(data.x, first + np.arange(8) / 8)
    np.testing.assert_allclose(problem("se-af").points(10), -0.625 + 0.25 * np.arange(10))


def test_units_and_boundaries_are_written(tmp_path):
    data = xr.open_zarr(generate("wave-gauss", output=tmp_path / "w.zarr", samples=1, resolution=16, progress=False))
    assert data.attrs["periodic"] == []
    assert data.time.attrs["units"] == "s"
    assert data.x.attrs["units"] == "m"
    assert data.sound_speed.attrs["units"] == "m s-1"
    assert data.sizes["time"] == 15


def test_a_killed_run_goes_on_and_ends_with_the_same_store(tmp_path, monkeypatch):
    whole = generate("ns-sl", output=tmp_path / "whole.zarr", **SMALL)
    with monkeypatch.context() as patch:
        kill_at(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            generate("ns-sl", output=tmp_path / "killed.zarr", **SMALL)
    assert not (tmp_path / "killed.zarr").exists()
    solved = []

    def noting(path, plan, samples):
        solved.extend(samples)
        trajectory_store.write_samples(path, plan, samples)

    monkeypatch.setattr(module, "write_samples", noting)
    killed = generate("ns-sl", output=tmp_path / "killed.zarr", **{**SMALL, "batch": 3})
    assert solved == [2, 3, 4]
    assert contents(killed) == contents(whole)
    assert not (tmp_path / "killed.zarr.partial").exists()


def test_a_kill_during_layout_leaves_nothing_that_matters(tmp_path):
    debris = tmp_path / "a.zarr.partial" / "store"
    debris.mkdir(parents=True)
    (debris / "zarr.json").write_text("{")
    data = xr.open_zarr(generate("ns-sl", output=tmp_path / "a.zarr", **SMALL))
    assert np.isfinite(data.velocity_x.values).all()


def test_processes_and_batches_do_not_change_the_store(tmp_path):
    one = generate("advection", output=tmp_path / "one.zarr", **SMALL)
    two = generate("advection", output=tmp_path / "two.zarr", **{**SMALL, "batch": 1, "workers": 2})
    assert contents(one) == contents(two)


@pytest.mark.parametrize(("name", "tolerance"), [("ns-gauss", 1e-5), ("ace", 1e-5), ("burgers-1d", 1e-3)])
def test_single_precision_is_near_double_and_is_said(tmp_path, name, tolerance):
    choices = {"samples": 3, "snapshots": 3, "progress": False, "resolution": 64}
    double = xr.open_zarr(generate(name, output=tmp_path / "d.zarr", **choices))
    path = generate(name, output=tmp_path / "s.zarr", precision="single", **choices, batch=2)
    single = xr.open_zarr(path)
    assert double.attrs["solver"].endswith(", float64")
    assert single.attrs["solver"].endswith(", float32")
    assert plan_of(path)["choices"]["precision"] == "single"
    assert "precision" not in plan_of(tmp_path / "d.zarr")["choices"]
    for field in double.attrs["fields"]:
        apart = float(np.abs(single[field] - double[field]).mean() / np.abs(double[field]).mean())
        assert apart < tolerance
    first = double.attrs["fields"][0]
    assert (single[first] != double[first]).any()
    workers = 2 if name == "burgers-1d" else 1
    again = generate(name, output=tmp_path / "a.zarr", precision="single", **choices, batch=1, workers=workers)
    assert contents(again) == contents(path)
    with pytest.raises(FileExistsError, match="unless it comes from the same arguments"):
        generate(name, output=path, **choices)


@pytest.mark.parametrize(
    ("name", "precision", "message"),
    [
        ("ns-gauss", "half", "precision must be one of double, single, got 'half'"),
        ("ce-rp", "single", "ce-rp has the choices refinement, tracer, got 'precision'; leave it out"),
        (problem("ace"), "single", r"goes with the name of a problem, got 'ace' made without; use problem\('ace', pre"),
    ],
)
def test_a_precision_that_a_problem_has_not_is_refused(tmp_path, name, precision, message):
    with pytest.raises(ValueError, match=message):
        generate(name, output=tmp_path / "a.zarr", samples=1, precision=precision)


def test_a_batch_fits_a_cache_and_leaves_every_process_some(tmp_path):
    plan = trajectory_store.Plan(problem=problem("ns-gauss"), samples=100, resolution=64, times=(0.0, 1.0), seed=0)
    assert module.cached_batch(plan, workers=1) == 8
    assert module.cached_batch(plan, workers=50) == 2


def test_a_finished_store_is_kept_and_other_arguments_are_refused(tmp_path, monkeypatch):
    path = generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    before = contents(path)
    monkeypatch.setattr(module, "write_samples", None)
    assert generate("ns-sl", output=path, **SMALL) == path
    with pytest.raises(FileExistsError, match=r"unless it comes from the same .*\(seed: 0 before, 1 now\); choose"):
        generate("ns-sl", output=path, seed=1, **SMALL)
    assert contents(path) == before


def test_more_samples_continue_a_finished_store_which_stays_until_they_are_there(tmp_path, monkeypatch):
    whole = contents(generate("ns-sl", output=tmp_path / "whole.zarr", **{**SMALL, "samples": 9}))
    path = generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    before = contents(path)
    with monkeypatch.context() as patch:
        kill_at(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            generate("ns-sl", output=path, **{**SMALL, "samples": 9})
    assert contents(path) == before
    made: list[int] = []

    def write(store: Path, plan: trajectory_store.Plan, samples: range) -> None:
        made.extend(samples)
        trajectory_store.write_samples(store, plan, samples)

    monkeypatch.setattr(module, "write_samples", write)
    generate("ns-sl", output=path, **{**SMALL, "samples": 9})
    assert made == [7, 8]  # five were there, two were safe before the end
    assert contents(path) == whole
    with pytest.raises(FileExistsError, match=r"\(samples: 9 before, 5 now\)"):
        generate("ns-sl", output=path, **SMALL)


def test_overwriting_keeps_no_sample(tmp_path):
    path = generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    assert module.Run(plan=larger_plan(), output=path).finished() == 5
    assert module.Run(plan=larger_plan(), output=path, overwrite=True).finished() == 0


def larger_plan() -> trajectory_store.Plan:
    chosen = problem("ns-sl")
    times = module.chosen_times(chosen, SMALL["snapshots"])
    return trajectory_store.Plan(problem=chosen, samples=9, resolution=SMALL["resolution"], times=times, seed=0)


def test_an_unfinished_store_refuses_other_arguments(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        kill_at(patch, 1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    with pytest.raises(FileExistsError, match=r"continues with the same arguments only.*seed: 0 before, 1 now.*repeat"):
        generate("ns-sl", output=tmp_path / "a.zarr", seed=1, **SMALL)
    assert plan_of(generate("ns-sl", output=tmp_path / "a.zarr", seed=1, overwrite=True, **SMALL))["seed"] == 1


def test_overwriting_replaces_stores_and_nothing_else(tmp_path):
    path = generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    generate("ns-sl", output=path, seed=1, overwrite=True, **SMALL)
    assert plan_of(path)["seed"] == 1
    precious = tmp_path / "thesis"
    precious.mkdir()
    with pytest.raises(FileExistsError, match=r"only a Zarr store is overwritten, got .*thesis; choose"):
        generate("ns-sl", output=precious, overwrite=True, **SMALL)
    assert precious.exists()


def test_a_tracer_can_be_asked_for(tmp_path):
    data = xr.open_zarr(generate("ns-sl", output=tmp_path / "a.zarr", tracer=True, **SMALL))
    assert plan_of(tmp_path / "a.zarr")["choices"]["tracer"] == "random"
    assert "tracer" in data
    with pytest.raises(ValueError, match="ace has the choices"):
        generate("ace", output=tmp_path / "b.zarr", tracer=True, **SMALL)
    with pytest.raises(ValueError, match="made without; use problem"):
        generate(problem("ns-sl"), output=tmp_path / "b.zarr", tracer=True, **SMALL)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000, 900, 100))
    needed = 5 * 3 * 2 * 16 * 16 * 4
    with pytest.raises(OSError, match=rf"needed {needed} bytes, available 100 bytes.*free space") as caught:
        generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, r"the disk became full after 2 of 5 samples; they are kept in .*a\.zarr\.partial: free some"),
        (errno.EDQUOT, r"the quota is spent after 2 of 5 samples; .*: free some space and repeat the same call"),
        (errno.EFBIG, r"a file may not become so large here after 2 of 5 samples; .*: lift the limit .*ulimit -f"),
    ],
)
def test_a_disk_that_fills_up_leaves_a_store_that_goes_on(tmp_path, monkeypatch, number, told):
    with monkeypatch.context() as patch:
        kill_at(patch, 2, OSError(number, "no room"))
        with pytest.raises(OSError, match=told):
            generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    resumed = generate("ns-sl", output=tmp_path / "a.zarr", **SMALL)
    assert contents(resumed) == contents(generate("ns-sl", output=tmp_path / "b.zarr", **SMALL))


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionError, match=r"must lie in a folder that can be written, got .*file/a\.zarr"):
        generate("ns-sl", output=tmp_path / "file" / "a.zarr", **SMALL)


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(tmp_path, capsys):
    generate("ns-sl", output=tmp_path / "a.zarr", dry_run=True, **SMALL)
    said = capsys.readouterr().out
    assert "5 x 3 x 16 x 16" in said
    assert "velocity_x [1], velocity_y [1]" in said
    assert "0.0 MB before compression" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 0}, "samples must be at least 1, got 0"),
        ({"resolution": 15}, "even resolution of at least 8 and at most 1024, got 15"),
        ({"snapshots": [0.5, 0.1]}, r"times that increase from 0 on, got \[0.5, 0.1\]"),
        ({"snapshots": 1}, "at least two times"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"seed": -1}, "a seed must be 0 or more, got -1"),
    ],
)
def test_impossible_requests_are_refused_and_leave_nothing(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        generate("ns-sl", output=tmp_path / "a.zarr", **{**SMALL, **change})
    assert list(tmp_path.iterdir()) == []


def bursting(generators, resolution, times):
    """Sample 3 of seed 0 becomes infinite at the last time."""
    path = np.stack([np.full((len(times), 1, resolution, resolution), rng.uniform()) for rng in generators])
    path[path[:, 0, 0, 0, 0] == sample_generator(0, 3).uniform(), -1] = np.inf
    return path


BURSTING = Problem(
    name="bursting",
    title="one sample bursts",
    equation="",
    fields=(Field(name="u", long_name="u", group="u"),),
    times=(0.0, 1.0),
    solver=bursting,
    source="",
)


def test_a_solution_that_blows_up_is_named_and_never_written(tmp_path):
    message = r"bursting, sample\(s\) \[3\] of seed 0 at resolution 8: a solution must be finite"
    with pytest.raises(UnstableSolutionError, match=message) as caught:
        generate(BURSTING, output=tmp_path / "a.zarr", samples=5, resolution=8, batch=2, progress=False)
    assert caught.value.samples == (3,)
    assert not (tmp_path / "a.zarr").exists()
    begun = xr.open_zarr(tmp_path / "a.zarr.partial" / "store")
    written = begun["u"].isel(time=-1, x=0, y=0).values
    assert np.isfinite(written[:2]).all()
    assert np.isnan(written[2:]).all()  # neither the sample nor its neighbour in the batch


def test_several_families_are_made_one_after_the_other_and_go_on(tmp_path, monkeypatch):
    small = {"samples": 2, "resolution": 8, "workers": 1, "progress": False}
    stores = generate_families(["NS-SL", "ace"], output=tmp_path, **small)
    assert [store.name for store in stores] == ["ns-sl.zarr", "ace.zarr"]
    before = contents(stores[0])
    monkeypatch.setattr(module, "write_samples", None)  # nothing is solved again
    assert generate_families(["ns-sl", "ACE"], output=tmp_path, **small) == stores
    assert contents(stores[0]) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"families": ["ns-sl", "ns-sine"]}, "got 'ns-sine'; did you mean"),
        ({"families": []}, "at least one problem, got none"),
        ({"resolution": 4}, "at least 8 and at most 1024, got 4"),
    ],
)
def test_families_are_checked_before_the_first_is_begun(tmp_path, change, message):
    given = {"families": ["ns-sl"], "samples": 1, "resolution": 8, "progress": False, **change}
    with pytest.raises(ValueError, match=message):
        generate_families(given.pop("families"), output=tmp_path, **given)
    assert list(tmp_path.iterdir()) == []


def test_lines_and_cubes_are_written_on_their_own_axes(tmp_path):
    line = xr.open_zarr(generate("ks-1d", output=tmp_path / "l.zarr", **{**SMALL, "resolution": 64, "samples": 1}))
    assert line["slope"].dims == ("sample", "time", "x")
    assert line.attrs["periodic"] == ["x"]
    assert float(line.x[1]) == 1.0
    cube = xr.open_zarr(generate("reaction-3d", output=tmp_path / "c.zarr", **{**SMALL, "resolution": 8}))
    assert cube["activator"].shape == (5, 3, 8, 8, 8)
    assert cube.attrs["solver"].startswith("humboldt.domains.pde.solvers.line_families.reactions_in_space")


def test_what_a_problem_leaves_open_is_chosen_by_words(tmp_path):
    """A choice is that of `problem`; numbers may be numbers; what a problem has not is refused before anything is."""
    store = generate("ns-pwc", choices={"viscosity": "spectral"}, output=tmp_path / "a.zarr", **SMALL)
    found, exact = (
        xr.open_zarr(store),
        problem("ns-pwc", viscosity="spectral").solve(5, resolution=16, times=[0.0, 0.5, 1.0]),
    )
    np.testing.assert_array_equal(found["velocity_x"], exact[:, :, 0])
    assert plan_of(store)["choices"]["viscosity"] == "spectral"
    stores = generate_families(["ce-rp"], choices={"refinement": 1}, output=tmp_path, **SMALL)
    exact = problem("ce-rp", refinement="1").solve(5, resolution=16, times=[0.0, 0.5, 1.0])
    np.testing.assert_array_equal(xr.open_zarr(stores[0])["density"], exact[:, :, 0])
    with pytest.raises(ValueError, match="ns-pwc has the choices tracer, viscosity, precision, got 'refinement'"):
        generate_families(["ce-rm", "ns-pwc"], choices={"refinement": 1}, output=tmp_path, **SMALL)
    with pytest.raises(ValueError, match=r"mach must lie in its stable range from 0.2 to 0.8, got 0.9"):
        generate("se-af", choices={"mach": 0.9}, output=tmp_path / "b.zarr", samples=1)
    with pytest.raises(ValueError, match=r"refinement=4 goes with the name of a problem, got 'ce-rp' made without"):
        generate(problem("ce-rp"), choices={"refinement": 4}, output=tmp_path / "b.zarr", samples=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "ce-rp.zarr"]
