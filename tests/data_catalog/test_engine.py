"""Files that the C library of NetCDF cannot open twice are opened by another one."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import netcdf_engine

AGAIN = """
import sys
import humboldt
from humboldt.data_catalog import open_store
from humboldt.domains.biodiversity import open_environment
path, kept = sys.argv[1], []
for _ in range(6):
    kept.append({how})
    {how}
print("opened")
"""


@pytest.fixture
def named(tmp_path):
    """Layers beside names of variable length."""
    path, axes = tmp_path / "a.nc", {"latitude": [1.0, 2.0], "longitude": [3.0, 4.0]}
    names = np.array(["wren", "lark", "robin"], dtype=object)
    xr.Dataset({"t": (("latitude", "longitude"), np.ones((2, 2)))}, {**axes, "species": ("species", names)}).to_netcdf(
        path
    )
    return path


@pytest.mark.parametrize("how", ["open_store(path)", "humboldt.open(path)", "open_environment(path, crs='EPSG:4326')"])
def test_a_file_with_names_can_be_opened_again_and_again(named, how):
    """A process of its own: what is tested for ends Python."""
    if how == "humboldt.open(path)":
        names = np.array(["a", "b"], dtype=object)
        axes = {"time": [0.0, 1.0, 2.0], "x": [0.0, 1.0], "y": [0.0, 1.0], "species": names}
        fields = (("sample", "time", "x", "y"), np.random.default_rng(0).normal(size=(3, 3, 2, 2)))
        xr.Dataset({"u": fields}, axes).to_netcdf(named)
    run = subprocess.run([sys.executable, "-c", AGAIN.format(how=how), named], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "opened\n"), run.stderr


def test_only_files_with_such_names_are_left_to_another_library(named, tmp_path):
    assert netcdf_engine(str(named)) == "h5netcdf"
    data = xr.open_dataset(named, engine="h5netcdf").load()
    assert data.species.values.tolist() == ["wren", "lark", "robin"]
    data.drop_vars("species").to_netcdf(tmp_path / "b.nc")
    assert netcdf_engine(str(tmp_path / "b.nc")) is None
    with h5py.File(tmp_path / "c.nc", "w") as file:
        file["names"] = np.array([b"ab", b"cd"])
        assert file.require_group("deep") is not None
    assert netcdf_engine(str(tmp_path / "c.nc")) is None
    with h5py.File(tmp_path / "c.nc", "a") as file:
        file["deep/names"] = np.array(["ab", "cd"], dtype=object)
    assert netcdf_engine(str(tmp_path / "c.nc")) == "h5netcdf"
    (tmp_path / "d.nc").write_bytes(named.read_bytes()[:600])
    assert netcdf_engine(str(tmp_path / "d.nc")) is None
