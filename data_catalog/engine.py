"""By which library xarray reads a NetCDF file."""

from __future__ import annotations

import h5py

from .reader.hdf5_reader import is_hdf5


def netcdf_engine(path: str) -> str | None:
    """`h5netcdf` for a file of HDF5 that holds strings of variable length, else None: what xarray takes by itself.

    The C library of NetCDF ends Python where such a file is opened once more while it is open already, as when a cell
    of a notebook is run again (github.com/Unidata/netcdf4-python, issue 1444).
    """
    if not is_hdf5(path):
        return None
    try:
        with h5py.File(path) as file:
            return "h5netcdf" if file.visititems(_are_strings) else None
    except (OSError, RuntimeError):  # a damaged file is refused by whatever opens it
        return None


def _are_strings(name: str, item: h5py.Group | h5py.Dataset) -> bool | None:
    """True, which ends the visit, or None, which goes on."""
    told = h5py.check_string_dtype(item.dtype) if isinstance(item, h5py.Dataset) else None
    return True if told is not None and told.length is None else None
