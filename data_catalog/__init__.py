"""What data there is: lazy stores, fast samples, splits, statistics, units (no torch)."""

from .array_reader import ArrayReader
from .buffers import aligned
from .conversion import Conversion, cf_conversion
from .decoding import UnreadableLayoutError
from .hdf5_reader import HDF5Reader
from .open_array import open_array
from .samples import Column, SampleReader
from .selection import Request
from .shipped import example
from .splits import Split, split_units
from .statistics import Moments, channel_statistics, read_statistics, write_statistics
from .store import DataError, did_you_mean, hdf5_variable, open_store, store_path
from .units import parse_units, require_units, same_units
from .zarr_layout import ZarrLayout, read_zarr_layout
from .zarr_reader import ZarrReader

__all__ = [
    "ArrayReader",
    "Column",
    "Conversion",
    "DataError",
    "HDF5Reader",
    "Moments",
    "Request",
    "SampleReader",
    "Split",
    "UnreadableLayoutError",
    "ZarrLayout",
    "ZarrReader",
    "aligned",
    "cf_conversion",
    "channel_statistics",
    "did_you_mean",
    "example",
    "hdf5_variable",
    "open_array",
    "open_store",
    "parse_units",
    "read_statistics",
    "read_zarr_layout",
    "require_units",
    "same_units",
    "split_units",
    "store_path",
    "write_statistics",
]
