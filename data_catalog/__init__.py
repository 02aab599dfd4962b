"""What data there is: lazy stores, fast samples, splits, statistics, units (no torch)."""

from .any_source import Source, open_source
from .convert import convert
from .moments import Moments
from .one_pass import compute_statistics
from .quantiles import QuantileSketch
from .samples import Column, SampleReader
from .shipped import example
from .splits import Split, split_units
from .statistics import channel_statistics, read_statistics, write_statistics
from .store import DataError, did_you_mean, hdf5_variable, open_store, zarr_folder
from .units import parse_units, require_units, same_units
from .zarr_layout import UnreadableLayoutError, ZarrLayout, read_zarr_layout
from .zarr_reader import ZarrReader

__all__ = [
    "Column",
    "DataError",
    "Moments",
    "QuantileSketch",
    "SampleReader",
    "Source",
    "Split",
    "UnreadableLayoutError",
    "ZarrLayout",
    "ZarrReader",
    "channel_statistics",
    "compute_statistics",
    "convert",
    "did_you_mean",
    "example",
    "hdf5_variable",
    "open_source",
    "open_store",
    "parse_units",
    "read_statistics",
    "read_zarr_layout",
    "require_units",
    "same_units",
    "split_units",
    "write_statistics",
    "zarr_folder",
]
