"""Several files of a published collection are one dataset."""

import h5py
import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.pde.data import open_trajectories
from tests.domains.pde.trajectory_files import pdebench, pdegym, the_well, values


def well(folder, **parts):
    """Files of The Well in folders of these names; each with a Reynolds number of its own."""
    number = 0
    for part, count in parts.items():
        (folder / part).mkdir(parents=True)
        for _ in range(count):
            path = folder / part / f"flow_{number}.hdf5"
            the_well(path)
            with h5py.File(path, "r+") as file:
                file["t0_fields/density"][...] += number
                scalar = file.create_dataset("scalars/Reynolds", data=np.float32(100 * (1 + number)))
                scalar.attrs.update(sample_varying=False, time_varying=False)
            number += 1
    return folder


def test_the_folders_of_the_well_are_its_parts(tmp_path):
    data = open_trajectories(well(tmp_path / "data", test=1, train=2, valid=1))
    assert (data.trajectories, data.frame_count, data.grid, data.periodic) == (12, 4, (5, 6), (True, False))
    assert {len(data.split(part).samples) for part in ("validation", "test")} == {3}
    assert data.split("train").trajectories == 6
    order = {"test": 0, "train": 1, "valid": 3}  # numbers of the first files, which stand in the order of the folders
    for part, number in order.items():
        name = "validation" if part == "valid" else part
        density = data.split(name).frames(0, (1,)).batch([0]).fields[0, 0]
        np.testing.assert_allclose(density, values(3, 4, 5, 6)[0, 0] + number, rtol=1e-5)


def test_a_parameter_of_each_file_is_a_channel_when_it_is_asked_for(tmp_path):
    folder = well(tmp_path / "data", train=2)
    assert "Reynolds" not in [c.name for c in open_trajectories(folder).channels]
    data = open_trajectories(folder, variables=["density", "Reynolds"])
    fields = data.frames(0, (1,)).batch([0, 5]).fields
    assert (fields[0, 1] == 100).all()
    assert (fields[1, 1] == 200).all()
    np.testing.assert_allclose(fields[1, 0], values(3, 4, 5, 6)[2, 0] + 1, rtol=1e-6)


def test_files_of_pdebench_stand_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9):
        pdebench(tmp_path / f"fluid_{number}.hdf5", tensor=number + values(2, 4, 6, 5))
    data = open_trajectories(tmp_path, in_memory=False)
    assert data.trajectories == 4
    means = [float(data.frames(0, (1,)).batch([n]).fields.mean()) for n in range(4)]
    np.testing.assert_allclose(
        means, [n + values(2, 4, 6, 5)[i, 0].mean() for n in (9, 10) for i in range(2)], rtol=1e-5
    )
    assert data.fingerprint != open_trajectories(tmp_path / "fluid_9.hdf5").fingerprint


def test_files_that_do_not_fit_together(tmp_path):
    pdebench(tmp_path / "a.hdf5", tensor=values(2, 4, 6, 5))
    pdebench(tmp_path / "b.hdf5", tensor=values(2, 4, 6, 7))
    with pytest.raises(
        DataError, match=r"share variables, grid and times, got .*b.hdf5 after .*; open them one by one"
    ):
        open_trajectories(tmp_path)
    (tmp_path / "b.hdf5").unlink()
    pdegym(tmp_path / "c.h5", something=values(2, 2))
    with pytest.raises(DataError, match=r"files of one collection, got .*c.h5 beside .*a.hdf5; open one file"):
        open_trajectories(tmp_path)
