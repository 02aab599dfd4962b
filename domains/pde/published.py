"""File layouts of published collections."""

from typing import Any

import xarray as xr


def read_published_layout(source: Any, layout: str | None) -> xr.Dataset | None:
    """none yet"""
    return None
