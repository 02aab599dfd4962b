"""Layouts of published collections: small files are written as these lay them out, and read back value by value."""

# mypy: disable-error-code="index, arg-type, union-attr, attr-defined, misc, var-annotated"

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.pde import FieldPrediction, evaluate
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.poseidon import fluid_channels
from tests.domains.pde.decay import decay_config
from tests.domains.pde.trajectory_files import pdebench, pdebench_seeds, pdegym, the_well, values


def names(opened):
    return [channel.name for channel in opened.channels]


def test_incompressible_flow_of_pdegym(tmp_path):
    velocity = values(4, 21, 3, 8, 8)
    opened = open_trajectories(pdegym(tmp_path / "NS-Sines.nc", velocity=velocity))
    assert names(opened) == ["density", "velocity_x", "velocity_y"]
    assert opened.periodic == (True, True)
    batch = opened.frames(0, (20,)).batch([2])
    assert batch.lead_time.item() == 1.0
    assert (batch.fields[0, 0] == 1).all()
    assert np.array_equal(batch.target[0, 1:], velocity[2, 20, :2])
    fluid = opened.arranged(fluid_channels()).batch([0])
    assert fluid.known[0, 3].all()
    assert not fluid.known[0, :3].any()


def test_shear_layers_have_their_space_axes_swapped(tmp_path):
    velocity = values(3, 4, 2, 8, 8)
    batch = open_trajectories(pdegym(tmp_path / "NS-SL.nc", velocity=velocity)).batch([0])
    assert np.array_equal(batch.fields[0, 1:], velocity[0, 0].transpose(0, 2, 1))


def test_tracer_and_forcing(tmp_path):
    path = pdegym(tmp_path / "NS-PwC.nc", velocity=values(3, 4, 3, 8, 8))
    assert names(open_trajectories(path, layout="NS-Tracer-PwC")) == ["density", "velocity_x", "velocity_y", "tracer"]
    flow = open_trajectories(pdegym(tmp_path / "FNS-KF.nc", solution=values(3, 4, 2, 128, 128)))
    forcing = flow.batch([0]).fields[0, 3].numpy()
    assert forcing[127, 32] == pytest.approx(0.1 * np.sin(2 * np.pi * (1 + 32 / 127)), abs=1e-6)


def test_compressible_flow_loses_its_mean_pressure(tmp_path):
    data = values(3, 4, 5, 8, 8)
    opened = open_trajectories(pdegym(tmp_path / "CE-Gauss.nc", data=data))
    assert names(opened) == ["density", "velocity_x", "velocity_y", "pressure"]
    np.testing.assert_allclose(opened.batch([0]).fields[0, 3], data[0, 0, 3] - 2.513, rtol=1e-6)
    np.testing.assert_allclose(opened.to_xarray().pressure[0, 0], data[0, 0, 3] - 2.513, rtol=1e-6)
    assert np.array_equal(opened.batch([0]).fields[0, :3], data[0, 0, :3])


def test_gravity_is_the_sixth_entry(tmp_path):
    data = values(3, 11, 6, 8, 8)
    opened = open_trajectories(pdegym(tmp_path / "GCE-RT.nc", solution=data))
    assert np.array_equal(opened.batch([0]).fields[0], data[0, 0, [0, 1, 2, 3, 5]])
    assert opened.times[-1] == 1.0


def test_waves_and_phases(tmp_path):
    u, c = values(5, 15, 8, 8), values(5, 8, 8, seed=1)
    waves = open_trajectories(pdegym(tmp_path / "Wave-Layer.nc", solution=u, c=c))
    assert names(waves) == ["displacement", "sound_speed"]
    batch = waves.frames(2, (12,)).batch([4])
    assert np.array_equal(batch.target[0], np.stack([u[4, 14], c[4]]))
    assert batch.lead_time.item() == pytest.approx(12 / 20)
    assert waves.periodic == (False, False)
    phases = open_trajectories(pdegym(tmp_path / "ACE.nc", solution=u))
    assert phases.periodic == (True, True)
    assert np.array_equal(phases.batch([0]).fields[0, 0], u[0, 0])


def test_steady_problems(tmp_path):
    f, u = values(5, 8, 8), values(5, 8, 8, seed=1)
    poisson = open_trajectories(pdegym(tmp_path / "Poisson-Gauss.nc", source=f, solution=u)).batch([3])
    assert np.array_equal(poisson.fields[0, 0], f[3])
    assert np.array_equal(poisson.target[0, 0], u[3])
    airfoil = open_trajectories(pdegym(tmp_path / "SE-AF.nc", solution=values(5, 2, 8, 8))).batch([3])
    assert np.array_equal(airfoil.fields[0, 0], values(5, 2, 8, 8)[3, 0])
    assert np.array_equal(airfoil.target[0, 0], values(5, 2, 8, 8)[3, 1])


def test_inside_of_an_airfoil_the_density_is_1_and_does_not_count(tmp_path):
    both = values(5, 2, 8, 8)
    both[:, 0] = 0
    both[3, 0, 2:4, 3] = 1
    data = open_trajectories(pdegym(tmp_path / "SE-AF.nc", solution=both))
    batch = data.batch([3, 1])
    assert batch.known[0, 0].nonzero().tolist() == [[2, 3], [3, 3]]
    assert (batch.target[0, 0, 2:4, 3] == 1).all()
    assert not batch.known[1].any()
    assert np.array_equal(batch.target[1, 0], both[1, 1])
    config = decay_config(data.channels, data.outputs)
    found = evaluate({"one more": lambda batch, times: iter([FieldPrediction(batch.fields + 1)])}, data, config).scores
    shape, density = both[3]
    outside = shape != 1
    expected = np.abs(shape + 1 - density)[outside].sum() / np.abs(density)[outside].sum()
    assert float(found["relative_l1"].sel(forecast="one more")[0, 0, 3]) == pytest.approx(expected, rel=1e-5)
    assert "solid" not in open_trajectories(pdegym(tmp_path / "ACE.nc", solution=values(3, 4, 8, 8))).to_xarray().attrs


def test_helmholtz_groups_are_read_in_the_order_of_their_numbers(tmp_path):
    arrays = {f"Sample_{i}/{n}": values(4, 4, seed=10 * i + k) for i in range(12) for k, n in enumerate("au")}
    arrays |= {f"Sample_{i}/bc": np.float32(0.25 + i / 100) for i in range(12)}
    batch = open_trajectories(pdegym(tmp_path / "Helmholtz.h5", **arrays)).batch([10, 2])
    np.testing.assert_allclose(batch.fields[0, 0], arrays["Sample_10/a"] - 1, rtol=1e-6)
    assert (batch.fields[1, 1] == np.float32(0.27)).all()
    assert np.array_equal(batch.target[0, 0], arrays["Sample_10/u"])


def test_published_split_where_the_file_is_large_enough(tmp_path):
    small = np.zeros((400, 2, 2, 2), np.float32)
    opened = open_trajectories(pdegym(tmp_path / "ACE.nc", solution=small))
    assert opened.split("validation").samples == tuple(range(100, 160))
    assert opened.split("test").samples == tuple(range(160, 400))


def test_layouts_that_do_not_fit(tmp_path):
    path = pdegym(tmp_path / "ACE.nc", solution=values(3, 4, 2, 8, 8))
    with pytest.raises(
        DataError, match=r"has the axes \('sample', 'time', 'x', 'y'\), got the shape \(3, 4, 2, 8, 8\)"
    ):
        open_trajectories(path)
    with pytest.raises(DataError, match="holds a variable 'velocity', got"):
        open_trajectories(path, layout="NS-SL")
    with pytest.raises(DataError, match=r"layout is one of .*got 'NS-Sine'; did you mean 'NS-Sines'"):
        open_trajectories(path, layout="NS-Sine")


def test_the_well(tmp_path):
    arrays = the_well(tmp_path / "flow.hdf5")
    opened = open_trajectories(tmp_path / "flow.hdf5")
    tensor = ["strain_x_x", "strain_x_y", "strain_y_x", "strain_y_y"]
    assert names(opened) == ["density", "medium", "velocity_x", "velocity_y", *tensor]
    assert opened.periodic == (True, False)
    assert opened.times.tolist() == [0, 0.25, 0.5, 0.75]
    fields = opened.frames(3, (0,)).batch([2]).fields[0]
    assert np.array_equal(fields[0], arrays["t0_fields/density"][2, 3])
    assert np.array_equal(fields[1], arrays["t0_fields/medium"])
    assert np.array_equal(fields[3], arrays["t1_fields/velocity"][2, 3, ..., 1])
    assert np.array_equal(fields[5], arrays["t2_fields/strain"][2, 3, ..., 0, 1])


@pytest.mark.parametrize("size", [(7,), (6, 5), (4, 3, 2)])
def test_pdebench_tensor(tmp_path, size):
    tensor = values(3, 4, *size)
    opened = open_trajectories(pdebench(tmp_path / "burgers.hdf5", "xyz"[: len(size)], tensor=tensor))
    assert opened.grid == size
    assert np.array_equal(opened.frames(1, (2,)).batch([2]).target[0, 0], tensor[2, 3])
    np.testing.assert_allclose(opened.times, [0, 0.1, 0.2, 0.3])


def test_pdebench_fields_and_components(tmp_path):
    arrays = {name: values(3, 4, 6, 5, seed=i) for i, name in enumerate(["density", "Vx", "Vy", "pressure"])}
    opened = open_trajectories(pdebench(tmp_path / "fluid.hdf5", **arrays), variables=["velocity_y", "velocity_x"])
    assert np.array_equal(opened.batch([0]).fields[0], np.stack([arrays["Vy"][0, 0], arrays["Vx"][0, 0]]))
    assert [c.group for c in opened.channels] == ["velocity", "velocity"]
    both = values(3, 4, 6, 5, 2)
    opened = open_trajectories(pdebench(tmp_path / "vector.hdf5", tensor=both))
    assert np.array_equal(opened.batch([0]).fields[0], np.moveaxis(both[0, 0], -1, 0))


def test_pdebench_steady(tmp_path):
    path = pdebench(tmp_path / "darcy.hdf5", tensor=values(3, 1, 6, 5), nu=values(3, 6, 5, seed=1))
    batch = open_trajectories(path, inputs=["nu"], outputs=["tensor"]).batch([2])
    assert np.array_equal(batch.fields[0, 0], values(3, 6, 5, seed=1)[2])
    assert np.array_equal(batch.target[0, 0], values(3, 1, 6, 5)[2, 0])


def test_pdebench_groups_by_seed(tmp_path):
    data = values(11, 4, 6, 5, 2)
    opened = open_trajectories(pdebench_seeds(tmp_path / "reaction.h5", data))
    assert opened.trajectories == 11
    order = [10, 0, 7]
    fields = opened.frames(1, (2,)).batch(order).fields
    assert np.array_equal(fields, np.moveaxis(data[order, 1], -1, 1))
    assert open_trajectories(tmp_path / "reaction.h5", in_memory=False).batch([0]).fields.shape == (1, 2, 6, 5)
