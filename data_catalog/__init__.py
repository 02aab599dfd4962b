"""What data there is: lazy stores, fast samples, splits, statistics, units (no torch)."""

from .add import add_entry, draft
from .cache import cache_folder, home, is_here, located
from .card import card
from .catalog import Catalog, load_catalog
from .contents import open_contents
from .digests import file_digest, manifest_digest, values_digest
from .entry import Entry, is_identifier, parse_entry, read_entry, write_entry
from .export import export_entry
from .fetch import fetch, plan_fetch
from .page import fragment, page
from .samples import Column, SampleReader
from .shipped import example
from .sources import Files, Generated
from .splits import Split, split_units
from .statistics import Moments, channel_statistics, read_statistics, write_statistics
from .store import DataError, did_you_mean, hdf5_variable, open_store, zarr_folder
from .summary import summarise
from .synthetic import synthesise
from .units import parse_units, require_units, same_units
from .verify import Report, verify
from .zarr_layout import UnreadableLayoutError, ZarrLayout, read_zarr_layout
from .zarr_reader import ZarrReader

__all__ = [
    "Catalog",
    "Column",
    "DataError",
    "Entry",
    "Files",
    "Generated",
    "Moments",
    "Report",
    "SampleReader",
    "Split",
    "UnreadableLayoutError",
    "ZarrLayout",
    "ZarrReader",
    "add_entry",
    "cache_folder",
    "card",
    "channel_statistics",
    "did_you_mean",
    "draft",
    "example",
    "export_entry",
    "fetch",
    "file_digest",
    "fragment",
    "hdf5_variable",
    "home",
    "is_here",
    "is_identifier",
    "load_catalog",
    "located",
    "manifest_digest",
    "open_contents",
    "open_store",
    "page",
    "parse_entry",
    "parse_units",
    "plan_fetch",
    "read_entry",
    "read_statistics",
    "read_zarr_layout",
    "require_units",
    "same_units",
    "split_units",
    "summarise",
    "synthesise",
    "values_digest",
    "verify",
    "write_entry",
    "write_statistics",
    "zarr_folder",
]
