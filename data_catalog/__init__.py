"""What data there is: lazy stores, fast samples, splits, statistics, units (no torch)."""

from .samples import Column, SampleReader
from .shipped import example
from .splits import Split, split_units
from .statistics import Moments, channel_statistics, read_statistics, write_statistics
from .store import DataError, did_you_mean, hdf5_variable, open_store
from .units import parse_units, require_units, same_units

__all__ = [
    "Column",
    "DataError",
    "Moments",
    "SampleReader",
    "Split",
    "channel_statistics",
    "did_you_mean",
    "example",
    "hdf5_variable",
    "open_store",
    "parse_units",
    "read_statistics",
    "require_units",
    "same_units",
    "split_units",
    "write_statistics",
]
