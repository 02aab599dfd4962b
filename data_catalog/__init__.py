"""What data there is: a catalog, lazy stores, fast samples, splits, statistics, units (no torch).

Each name is loaded when it is first used: reading samples of a Zarr store imports neither xarray nor dask.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .add import add_entry as add_entry
    from .add import draft as draft
    from .amplification import Amplification as Amplification
    from .amplification import amplification as amplification
    from .amplification import say_amplification as say_amplification
    from .any_source import Source as Source
    from .any_source import open_source as open_source
    from .array_reader import ArrayReader as ArrayReader
    from .buffers import aligned as aligned
    from .cache import cache_folder as cache_folder
    from .cache import home as home
    from .cache import is_here as is_here
    from .cache import located as located
    from .card import card as card
    from .catalog import Catalog as Catalog
    from .catalog import load_catalog as load_catalog
    from .contents import open_contents as open_contents
    from .conversion import Conversion as Conversion
    from .conversion import cf_conversion as cf_conversion
    from .convert import convert as convert
    from .decoding import UnreadableLayoutError as UnreadableLayoutError
    from .digests import file_digest as file_digest
    from .digests import manifest_digest as manifest_digest
    from .digests import values_digest as values_digest
    from .entry import Entry as Entry
    from .entry import is_identifier as is_identifier
    from .entry import parse_entry as parse_entry
    from .entry import read_entry as read_entry
    from .entry import write_entry as write_entry
    from .errors import DataError as DataError
    from .export import export_entry as export_entry
    from .fetch import fetch as fetch
    from .fetch import plan_fetch as plan_fetch
    from .hdf5_reader import HDF5Reader as HDF5Reader
    from .loader import Samples as Samples
    from .loader import read_ahead as read_ahead
    from .loader import work_ahead as work_ahead
    from .moments import Moments as Moments
    from .one_pass import compute_statistics as compute_statistics
    from .open_array import open_array as open_array
    from .order import Order as Order
    from .order import Sampler as Sampler
    from .order import block_shuffle as block_shuffle
    from .page import fragment as fragment
    from .page import page as page
    from .quantiles import QuantileSketch as QuantileSketch
    from .remote import DiskCache as DiskCache
    from .remote import RemoteZarrReader as RemoteZarrReader
    from .samples import Column as Column
    from .samples import SampleReader as SampleReader
    from .selection import Request as Request
    from .shipped import example as example
    from .sources import Files as Files
    from .sources import Generated as Generated
    from .splits import Split as Split
    from .splits import split_units as split_units
    from .statistics import channel_statistics as channel_statistics
    from .statistics import read_statistics as read_statistics
    from .statistics import write_statistics as write_statistics
    from .store import did_you_mean as did_you_mean
    from .store import hdf5_variable as hdf5_variable
    from .store import open_store as open_store
    from .store import store_path as store_path
    from .store import zarr_folder as zarr_folder
    from .summary import summarise as summarise
    from .synthetic import synthesise as synthesise
    from .units import parse_units as parse_units
    from .units import require_units as require_units
    from .units import same_units as same_units
    from .verify import Report as Report
    from .verify import verify as verify
    from .windows import WindowReader as WindowReader
    from .windows import Windows as Windows
    from .windows import pairs as pairs
    from .windows import tiles as tiles
    from .zarr_layout import ZarrLayout as ZarrLayout
    from .zarr_layout import read_zarr_layout as read_zarr_layout
    from .zarr_reader import ZarrReader as ZarrReader

_ROOMS: dict[str, tuple[str, ...]] = {
    "add": ("add_entry", "draft"),
    "amplification": ("Amplification", "amplification", "say_amplification"),
    "any_source": ("Source", "open_source"),
    "array_reader": ("ArrayReader",),
    "buffers": ("aligned",),
    "cache": ("cache_folder", "home", "is_here", "located"),
    "card": ("card",),
    "catalog": ("Catalog", "load_catalog"),
    "contents": ("open_contents",),
    "conversion": ("cf_conversion", "Conversion"),
    "convert": ("convert",),
    "decoding": ("UnreadableLayoutError",),
    "digests": ("file_digest", "manifest_digest", "values_digest"),
    "entry": ("Entry", "is_identifier", "parse_entry", "read_entry", "write_entry"),
    "errors": ("DataError",),
    "export": ("export_entry",),
    "fetch": ("fetch", "plan_fetch"),
    "hdf5_reader": ("HDF5Reader",),
    "loader": ("read_ahead", "Samples", "work_ahead"),
    "moments": ("Moments",),
    "one_pass": ("compute_statistics",),
    "open_array": ("open_array",),
    "order": ("block_shuffle", "Order", "Sampler"),
    "page": ("fragment", "page"),
    "quantiles": ("QuantileSketch",),
    "remote": ("DiskCache", "RemoteZarrReader"),
    "samples": ("Column", "SampleReader"),
    "selection": ("Request",),
    "shipped": ("example",),
    "sources": ("Files", "Generated"),
    "splits": ("Split", "split_units"),
    "statistics": ("channel_statistics", "read_statistics", "write_statistics"),
    "store": ("did_you_mean", "hdf5_variable", "open_store", "store_path", "zarr_folder"),
    "summary": ("summarise",),
    "synthetic": ("synthesise",),
    "units": ("parse_units", "require_units", "same_units"),
    "verify": ("Report", "verify"),
    "windows": ("pairs", "tiles", "WindowReader", "Windows"),
    "zarr_layout": ("read_zarr_layout", "ZarrLayout"),
    "zarr_reader": ("ZarrReader",),
}
"""The public names of each module."""

_HOME = {name: room for room, names in _ROOMS.items() for name in names}
__all__ = sorted(_HOME)


class _Face(ModuleType):
    """This package: a module that is called like a public name does not hide it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Face
