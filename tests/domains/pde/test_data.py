"""What comes out of a file is what is in it, pair by pair; what breaks a rule is refused with the cure."""

# mypy: disable-error-code="index, arg-type, union-attr, attr-defined, misc, var-annotated"

import json
import pickle
from pathlib import Path

import cftime
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.data_catalog import DataError
from humboldt.domains.pde.config import Channel
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.pairs import Pairs
from tests.domains.pde.trajectory_files import flow, values


@pytest.fixture(params=["netcdf", "zarr", "object", "dask"])
def source(request, tmp_path):
    data = flow()
    if request.param == "netcdf":
        data.to_netcdf(tmp_path / "flow.nc")
        return tmp_path / "flow.nc"
    if request.param == "zarr":
        data.to_zarr(tmp_path / "flow.zarr", zarr_format=3, consolidated=False)
        return tmp_path / "flow.zarr"
    return data.chunk({"sample": 2}) if request.param == "dask" else data


def test_batches_hold_the_values_of_the_file(source):
    data = flow()
    expected = np.concatenate([data.velocity.values, data.tracer.values[:, :, None]], axis=2)
    opened = open_trajectories(source, variables=["velocity", "tracer"])
    batch = opened.batch(range(len(opened)))
    pairs = [(i, j) for i in range(5) for j in range(i, 5)]
    assert len(opened) == 6 * len(pairs)
    assert np.array_equal(batch.fields, np.concatenate([expected[s, [i for i, _ in pairs]] for s in range(6)]))
    assert np.array_equal(batch.target, np.concatenate([expected[s, [j for _, j in pairs]] for s in range(6)]))
    np.testing.assert_allclose(batch.lead_time, np.tile([0.5 * (j - i) for i, j in pairs], 6))
    assert batch.fields.dtype == batch.lead_time.dtype == torch.float32
    assert batch.periodic == (True, True)
    assert batch.known is None


def test_channels_carry_names_units_and_groups(source):
    opened = open_trajectories(source, variables=["velocity", "tracer"])
    assert opened.channels == (
        Channel(name="velocity_x", units="m s-1", group="velocity"),
        Channel(name="velocity_y", units="m s-1", group="velocity"),
        Channel(name="tracer", units="1"),
    )
    assert opened.time_units == "s"
    assert opened.times.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert (opened.grid, opened.space, opened.trajectories) == ((8, 6), ("x", "y"), 6)


def test_memory_and_disk_give_the_same():
    data = flow()
    one, other = open_trajectories(data, in_memory=True), open_trajectories(data, in_memory=False)
    other.reader.cache_bytes = 2 * other.reader.bytes_per_sample
    order = np.random.default_rng(0).integers(0, len(one), 40)
    assert torch.equal(one.batch(order).target, other.batch(order).target)
    assert len(one.reader.held.kept) == 6
    assert len(other.reader.held.kept) == 0
    assert len(other.reader.held.recent) == 2


def test_a_part_in_memory_is_read_alone():
    part = open_trajectories(flow()).split("test")
    part.batch([0])
    assert sorted(part.reader.held.kept) == [4, 5]


def test_variables_are_chosen_ordered_and_renamed():
    data = flow()
    opened = open_trajectories(data, variables={"tracer": "scalar_a", "velocity_x": "velocity_x"})
    assert [c.name for c in opened.channels] == ["scalar_a", "velocity_x"]
    assert opened.channels[1].group == ""
    batch = opened.batch([0])
    assert np.array_equal(batch.fields[0, 0], data.tracer[0, 0])
    assert np.array_equal(batch.fields[0, 1], data.velocity[0, 0, 0])
    assert set(opened.statistics()) == {"scalar_a", "velocity_x"}


def test_labels_name_components():
    data = flow().assign_coords(component=["x", "y"])
    assert [c.name for c in open_trajectories(data, variables=["velocity"]).channels] == ["velocity_x", "velocity_y"]
    state = flow()[["velocity"]].rename(component="channel").assign_coords(channel=["height", "salt"])
    assert [c.name for c in open_trajectories(state).channels] == ["height", "salt"]


def test_other_dimension_names_by_mapping_and_by_axis_attribute():
    data = flow().rename(sample="ensemble_run", x="nx")
    mapped = open_trajectories(data, dims={"sample": "ensemble_run", "x": "nx"}, periodic=True)
    assert torch.equal(mapped.batch([7]).fields, open_trajectories(flow()).batch([7]).fields)
    data = flow().rename(x="easting")
    data["easting"].attrs["axis"] = "X"
    assert open_trajectories(data).space == ("x", "y")


def test_a_transposed_file_gives_the_same_batches():
    data = flow()
    turned = data.transpose("x", "y", "time", "component", "sample")
    assert torch.equal(open_trajectories(turned).batch([3]).fields, open_trajectories(data).batch([3]).fields)


def test_a_single_trajectory_needs_no_sample_dimension():
    one = open_trajectories(flow().isel(sample=2))
    assert one.trajectories == 1
    assert torch.equal(one.batch([4]).target, open_trajectories(flow()).batch([2 * 15 + 4]).target)


def test_a_field_without_time_is_repeated():
    data = flow()
    data["depth"] = (("sample", "x", "y"), values(6, 8, 6, seed=5))
    batch = open_trajectories(data, variables=["tracer", "depth"]).batch([14, 29])
    assert np.array_equal(batch.fields[:, 1], data.depth[:2])
    assert np.array_equal(batch.target[:, 1], data.depth[:2])


def test_a_parameter_becomes_a_constant_channel_when_asked_for():
    data = flow()
    data["viscosity"] = ("sample", np.arange(6, dtype="f4"))
    assert "viscosity" not in [c.name for c in open_trajectories(data).channels]
    fields = open_trajectories(data, variables=["tracer", "viscosity"]).batch([0, 15]).fields
    assert (fields[0, 1] == 0).all()
    assert (fields[1, 1] == 1).all()


def test_cartesian_axes_stand_in_the_order_x_y():
    data = flow()
    opened = open_trajectories(data.transpose(..., "y", "x"))
    assert opened.space == ("x", "y")
    assert torch.equal(opened.batch([0]).fields, open_trajectories(data).batch([0]).fields)


def test_sides_are_those_of_the_coordinates():
    data = flow(size=(8, 4)).assign_coords(x=0.25 * np.arange(8), y=np.arange(4) - 7.0)
    assert open_trajectories(data).sides == (2.0, 4.0)
    assert open_trajectories(data.drop_vars("x")).sides == (8.0, 4.0)
    assert open_trajectories(data.drop_vars(["x", "y"])).sides == (1.0, 0.5)


def test_steady_data_pair_inputs_with_outputs():
    data = xr.Dataset({n: (("sample", "x", "y"), values(9, 4, 4, seed=i)) for i, n in enumerate(["a", "u"])})
    opened = open_trajectories(data, inputs=["a"], outputs=["u"])
    batch = opened.batch([2, 8])
    assert len(opened) == 9
    assert np.array_equal(batch.fields[:, 0], data.a[[2, 8]])
    assert np.array_equal(batch.target[:, 0], data.u[[2, 8]])
    assert batch.lead_time.tolist() == [1.0, 1.0]
    with pytest.raises(DataError, match=r"steady problems.*inputs=\[\.\.\.\]"):
        open_trajectories(data)


def test_calendar_times_become_seconds():
    data = flow()
    data["time"] = np.datetime64("2020-01-01") + np.arange(5) * np.timedelta64(6, "h")
    opened = open_trajectories(data)
    assert opened.time_units == "s"
    assert opened.times[1] == 21600.0


@pytest.mark.parametrize(("calendar", "hours"), [("noleap", 6), ("standard", 30), ("360_day", 54)])
def test_dates_of_any_calendar_become_seconds(calendar, hours):
    """Those of cftime ended in a TypeError. In February 2004 they have 28, 29 or 30 days."""
    data, days = flow(), [(2, 28, 18), (3, 1, 0), (3, 2, 0), (3, 3, 0), (3, 4, 0)]
    data["time"] = [cftime.datetime(2004, *day, calendar=calendar) for day in days]
    opened = open_trajectories(data)
    assert opened.time_units == "s"
    assert opened.times[:3].tolist() == [0, hours * 3600, (hours + 24) * 3600]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    pairs=st.sampled_from([Pairs(), Pairs(stride=2), Pairs(horizon=2), Pairs(input_frame=1)]),
)
def test_a_pair_is_one_trajectory_in_order(seed, pairs):
    sample, time = np.meshgrid(np.arange(4), np.arange(6), indexing="ij")
    data = xr.Dataset(
        {
            n: (("sample", "time", "x"), np.repeat(v[..., None], 3, -1).astype("f4"))
            for n, v in (("s", sample), ("t", time))
        },
        {"time": np.arange(6.0)},
    ).rename(t="frame_number")
    opened = open_trajectories(data, pairs=pairs)
    index = np.random.default_rng(seed).integers(0, len(opened), 7)
    batch = opened.batch(index)
    start, end = batch.fields[:, :, 0], batch.target[:, :, 0]
    assert torch.equal(start[:, 0], end[:, 0])
    assert start[:, 0].tolist() == (index // len(opened.pairs)).tolist()
    assert torch.equal(end[:, 1] - start[:, 1], batch.lead_time)
    assert bool((batch.lead_time >= 0).all())


def test_frames_are_trajectory_outer_and_lead_inner():
    data = flow()
    frames = open_trajectories(data, variables=["tracer"]).split("test").frames(start=1, ahead=(3, 1))
    batch = frames.batch(range(len(frames)))
    assert np.array_equal(batch.fields[:, 0], data.tracer[[4, 4, 5, 5], 1])
    assert np.array_equal(batch.target[:, 0], data.tracer.values[[4, 4, 5, 5], [4, 2, 4, 2]])
    assert batch.lead_time.tolist() == [1.5, 0.5, 1.5, 0.5]
    with pytest.raises(DataError, match=r"frames 0 to 4, got start=0 and ahead=\(2, 5, 10\)"):
        frames.frames()


def test_no_trajectory_is_in_two_parts():
    data = flow(samples=24)
    data["tracer"] = data.tracer * 0 + xr.DataArray(np.arange(24.0), dims="sample")
    opened = open_trajectories(data, variables=["tracer"], split={"validation": 3})
    seen = {
        name: set(opened.split(name).batch(range(len(opened.split(name)))).fields.unique().tolist())
        for name in ("train", "validation", "test")
    }
    assert seen == {"train": set(range(13)), "validation": {13, 14, 15}, "test": set(range(16, 24))}


def test_take_is_the_first_of_a_part_and_refuses_more():
    train = open_trajectories(flow(samples=24)).split("train")
    assert train.take(3).samples == (0, 1, 2)
    with pytest.raises(DataError, match="train part has 16 trajectories, got 17; take 1 to 16"):
        train.take(17)
    with pytest.raises(DataError, match="shares no trajectory with this train part; split the whole"):
        train.split("test")


def test_units_are_trajectories_and_any_of_a_part_can_be_chosen():
    validation = open_trajectories(flow(samples=24), split={"train": 10, "validation": 6}).split("validation")
    assert validation.units == 6
    assert validation.choose([5, 0]).samples == (15, 10)
    with pytest.raises(DataError, match=r"validation part has trajectories 0 to 5, got \[6, -1\]"):
        validation.choose([2, 6, -1])


def test_arranged_follows_a_model_and_marks_what_is_not_there():
    wanted = [Channel(name="density"), Channel(name="tracer"), Channel(name="velocity_x", units="m/s")]
    plain = open_trajectories(flow())
    batch = plain.arranged(wanted).batch([6, 20])
    other = plain.batch([6, 20])
    assert torch.isnan(batch.fields[:, 0]).all()
    assert torch.equal(batch.fields[:, 1:], other.fields[:, [2, 0]])
    assert torch.equal(batch.target[:, 1:], other.target[:, [2, 0]])
    assert (batch.target[:, 0] == 0).all()
    assert batch.known[:, 0].all()
    assert not batch.known[:, 1:].any()


def test_arranged_refuses_other_units_and_strangers():
    opened = open_trajectories(flow())
    with pytest.raises(DataError, match=r"velocity_x is wanted in '1', got 'm s-1'.*units=\{'velocity_x': '1'\}"):
        opened.arranged([Channel(name="velocity_x")])
    with pytest.raises(DataError, match=r"at least one channel.*rename with variables="):
        opened.arranged([Channel(name="salt")])
    corrected = open_trajectories(flow(), units={"velocity_x": "1"})
    assert corrected.arranged([Channel(name="velocity_x")]).channels[0].units == "1"


def test_statistics_are_those_of_the_training_part(tmp_path):
    path = tmp_path / "flow.nc"
    data = flow(samples=24)
    data.tracer[16:] += 100
    data.to_netcdf(path)
    opened = open_trajectories(path)
    found = opened.statistics()
    train = data.tracer.values[:16].astype(np.float64)
    assert found["tracer"] == pytest.approx((train.mean(), train.std()), rel=1e-6)
    assert opened.split("test").statistics() == found
    few = opened.split("train").take(2).statistics()
    assert few["tracer"] == pytest.approx((train[:2].mean(), train[:2].std()), rel=1e-6)
    assert len(json.loads((tmp_path / "flow.statistics.json").read_text())["statistics"]) == 2


def test_shared_deviation_of_a_group():
    data = flow()
    plain, shared = (open_trajectories(data, split={"test": 0}).statistics(shared=s) for s in (False, True))
    expected = np.sqrt((plain["velocity_x"][1] ** 2 + plain["velocity_y"][1] ** 2) / 2)
    assert shared["velocity_x"][1] == shared["velocity_y"][1] == pytest.approx(expected)
    assert shared["tracer"] == plain["tracer"]
    assert shared["velocity_x"][0] == plain["velocity_x"][0]


def test_fingerprint_is_of_the_content(tmp_path):
    data = flow()
    data.to_netcdf(tmp_path / "a.nc")
    opened = open_trajectories(data)
    assert open_trajectories(tmp_path / "a.nc").fingerprint == opened.fingerprint
    assert opened.split("train").fingerprint != opened.fingerprint
    changed = data.copy(deep=True)
    changed.tracer[5, 4, 7, 5] += 1
    assert open_trajectories(changed).fingerprint != opened.fingerprint
    ways = [open_trajectories(data, periodic=periodic).fingerprint for periodic in (True, False, ["x"], ["y"])]
    assert len(set(ways)) == 4
    assert opened.fingerprint == ways[0]  # as the file says


def test_describe_is_json_and_repr_says_what_it_is(source):
    opened = open_trajectories(source, variables=["velocity", "tracer"]).split("train")
    about = json.loads(json.dumps(opened.describe()))
    assert about["split"] == {"train": 4, "validation": 0, "test": 2}
    assert about["channels"][0].items() >= {"name": "velocity_x", "units": "m s-1", "group": "velocity"}.items()
    assert (
        repr(opened)
        == "<train trajectories: 4 of 5 frames on (8, 6), ['velocity_x', 'velocity_y', 'tracer'], 60 pairs>"
    )


def test_to_xarray_is_labelled_and_opens_again(source):
    opened = open_trajectories(source, variables=["velocity", "tracer"])
    data = opened.split("test").to_xarray()
    assert data.velocity_y.dims == ("sample", "time", "x", "y")
    assert data.velocity_y.attrs["units"] == "m s-1"
    assert np.array_equal(data.velocity_y, flow().velocity[4:, :, 1])
    listed = open_trajectories(flow().assign_attrs(valid_range=np.array([-1.0, 1.0]))).to_xarray()
    assert listed.attrs["valid_range"].tolist() == [-1.0, 1.0]
    again = open_trajectories(data)
    assert again.channels == opened.channels
    assert again.periodic == (True, True)
    assert torch.equal(again.batch([0]).target, opened.split("test").batch([0]).target)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_workers_read_the_same(tmp_path, suffix):
    path = tmp_path / f"flow{suffix}"
    flow().to_netcdf(path) if suffix == ".nc" else flow().to_zarr(path, zarr_format=2)
    opened = open_trajectories(path, in_memory=False)
    expected = [opened.batch([i]).target for i in range(0, len(opened), 5)]
    subset = torch.utils.data.Subset(opened, list(range(0, len(opened), 5)))
    loader = torch.utils.data.DataLoader(subset, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert all(torch.equal(batch.target, target) for batch, target in zip(loader, expected, strict=True))


def test_a_pickled_dataset_leaves_handles_and_memory_behind(tmp_path):
    flow().to_netcdf(tmp_path / "flow.nc")
    opened = open_trajectories(tmp_path / "flow.nc")
    expected = opened.batch([11]).target
    data = pickle.dumps(opened)
    assert len(data) < 6000
    assert torch.equal(pickle.loads(data).batch([11]).target, expected)


def test_missing_values_are_refused_or_masked():
    data = flow()
    data.tracer[3, 2, 1:3, 4] = np.nan
    with pytest.raises(
        DataError, match=r"got 2 NaN in variable 'tracer', first in sample 3 at time index 2.*missing='mask'"
    ):
        open_trajectories(data).batch([0])
    with pytest.raises(DataError, match="first in sample 3 at time index 2"):
        open_trajectories(data).statistics()
    opened = open_trajectories(data, missing="mask")
    pairs = opened.pairs.tolist()
    batch = opened.batch([3 * 15 + pairs.index([2, 4]), 3 * 15 + pairs.index([0, 2])])
    gap = np.isnan(data.tracer.values[3, 2])
    assert np.array_equal(torch.isnan(batch.fields[0, 2]), gap)
    assert np.array_equal(batch.known[1, 2], gap)
    assert batch.known.sum() == 2
    assert torch.isfinite(batch.target).all()
    assert np.isfinite(opened.statistics()["tracer"]).all()
    with pytest.raises(DataError, match="missing values are an 'error' or a 'mask', got 'ignore'; choose one of them"):
        open_trajectories(data, missing="ignore")


def test_names_that_are_not_there():
    with pytest.raises(DataError, match=r"got 'velocity_z'.*did you mean 'velocity_"):
        open_trajectories(flow(), variables=["velocity_z"])
    with pytest.raises(DataError, match=r"got 'tracr', and the data have .*did you mean 'tracer'"):
        open_trajectories(flow(), units={"tracr": "1"})
    with pytest.raises(DataError, match=r"got sample='run_numbr'; the data have .*did you mean 'run_number'"):
        open_trajectories(flow().rename(sample="run_number"), dims={"sample": "run_numbr"})
    with pytest.raises(DataError, match="got both; leave one out"):
        open_trajectories(flow(), variables=["tracer"], inputs=["tracer"])
    with pytest.raises(DataError, match=r"periodic names space axes \('x', 'y'\), got 'z'"):
        open_trajectories(flow(), periodic=["z"])


def test_dimensions_that_are_not_recognised():
    with pytest.raises(DataError, match=r"got 'blob' in variable 'velocity'.*dims=\{'sample': 'blob'\}"):
        open_trajectories(flow().rename(sample="blob"))
    with pytest.raises(DataError, match=r"holds variables over space.*dims=\{'x': 'nx'\}"):
        open_trajectories(flow()[["tracer"]].isel(x=0, y=0))


def test_times_that_do_not_increase():
    data = flow().assign_coords(time=[0.0, 0.1, 0.3, 0.2, 0.4])
    with pytest.raises(DataError, match=r"times increase, got time\[3\] = 0.2 after time\[2\] = 0.3; sort the data"):
        open_trajectories(data)
    with pytest.raises(DataError, match=r"got time\[1\] = nan"):
        open_trajectories(flow().assign_coords(time=[0.0, np.nan, 0.3, 0.5, 0.6]))


def test_a_trajectory_of_one_frame():
    with pytest.raises(DataError, match=r"at least two frames, got 1; for steady data drop the time dimension"):
        open_trajectories(flow(frames=1))


def test_an_uneven_grid_is_warned_of():
    with pytest.warns(UserWarning, match=r"even spacing, got steps of 0.1 to 0.2 along y"):
        open_trajectories(flow(size=(4, 3)).assign_coords(y=[0.0, 0.1, 0.3]))


def test_indices_stay_inside_the_part():
    part = open_trajectories(flow()).split("test")
    with pytest.raises(IndexError, match="pairs 0 to 29, got 30 to 30"):
        part.batch([30])
    assert torch.equal(part.batch([-1]).target, part.batch([29]).target)


def test_periodic_is_what_the_file_says_unless_told():
    data = flow()
    assert open_trajectories(data, periodic=["y"]).periodic == (False, True)
    assert open_trajectories(data, periodic=False).periodic == (False, False)
    assert open_trajectories(data.assign_attrs(periodic="x, y")).periodic == (True, True)
    renamed = data.rename(x="easting", y="northing").assign_attrs(periodic=["northing"])
    assert open_trajectories(renamed, dims={"x": "easting", "y": "northing"}).periodic == (False, True)
    with pytest.raises(DataError, match=r"say which it is, such as dims=\{'x': 'easting', 'y': 'northing'\}"):
        open_trajectories(renamed)
    del data.attrs["periodic"]
    assert open_trajectories(data).periodic == (False, False)


def test_files_of_another_solver(shared: Path) -> None:
    folder = shared / "data" / "pde"
    burgers = open_trajectories(folder / "burgers2d_exponax.nc", periodic=True)
    raw = xr.open_dataset(folder / "burgers2d_exponax.nc").velocity.values
    assert [(c.name, c.error_group) for c in burgers.channels] == [
        ("velocity_x", "velocity"),
        ("velocity_y", "velocity"),
    ]
    assert burgers.split("test").samples == tuple(range(16, 24))
    assert burgers.trajectories * burgers.frame_count == 24 * 11
    frames = burgers.split("test").frames(ahead=(2, 5, 10)).batch(range(24))
    assert np.array_equal(frames.target, raw[16:, [2, 5, 10]].reshape(24, 2, 64, 64))
    np.testing.assert_allclose(frames.lead_time[:3], [0.04, 0.1, 0.2], rtol=1e-6)
    darcy = folder / "darcy16_neuralop" / "darcy_train_16.nc"
    steady = open_trajectories(darcy, inputs=["permeability"], outputs=["pressure"])
    assert np.array_equal(steady.batch([999]).target[0, 0], xr.open_dataset(darcy).pressure[999])


def test_augmented_training_pairs_are_symmetric_images_and_repeat(tmp_path):
    state = np.random.default_rng(0).normal(size=(3, 4, 8, 8)).astype(np.float32)
    dims = ("sample", "time", "x", "y")
    fields = {"velocity_x": (dims, state), "velocity_y": (dims, 2 * state)}
    source = xr.Dataset(fields, {"time": np.arange(4.0)}, {"periodic": ["x", "y"]})
    choices = {"split": {"train": 2, "validation": 0, "test": 1}}
    plain, data = (open_trajectories(source, augment=a, **choices) for a in (False, True))
    seen = data.split("train").batch([0, 5, 7])
    again = data.split("train").batch([0, 5, 7])
    kept = plain.split("train").batch([0, 5, 7])
    assert torch.equal(seen.fields, again.fields)
    assert not torch.equal(seen.fields, kept.fields)
    for moved, still in ((seen.fields, kept.fields), (seen.target, kept.target)):
        size = [(f.square().sum(1).flatten(1).sort().values) for f in (moved, still)]
        torch.testing.assert_close(*size)
    other = data.split("train").batch([5, 0, 7])
    assert not torch.equal(other.fields[1], seen.fields[0])
    assert torch.equal(data.split("test").batch([1]).fields, plain.split("test").batch([1]).fields)
    assert torch.equal(data.split("train").frames(0, (1,)).batch([0]).fields, kept.fields[:1])


@pytest.mark.parametrize("chunks", [{"sample": 2}, {"sample": 1, "time": 1}])
def test_what_does_not_stay_in_memory_is_read_in_few_chunks(chunks, tmp_path, monkeypatch):
    data = flow()
    encoding = {name: {"chunks": [chunks.get(d, n) for d, n in v.sizes.items()]} for name, v in data.data_vars.items()}
    data.to_zarr(tmp_path / "flow.zarr", zarr_format=3, consolidated=False, encoding=encoding)
    opened = open_trajectories(tmp_path / "flow.zarr", variables=["velocity"], in_memory=False)
    held = open_trajectories(data, variables=["velocity"])
    opened.reader.cache_bytes = 2 * opened.reader.bytes_per_sample
    order = opened.pass_order([3])
    assert sorted(order.tolist()) == list(range(len(opened)))
    assert np.array_equal(order, opened.pass_order([3]))
    for start in range(0, len(order), 7):
        one, other = opened.batch(order[start : start + 7]), held.batch(order[start : start + 7])
        assert torch.equal(one.fields, other.fields)
        assert torch.equal(one.target, other.target)
    trajectory = order // len(opened.pairs)
    if "time" not in chunks:
        assert [len(set(t // 2)) for t in np.split(trajectory, 3)] == [1, 1, 1]
