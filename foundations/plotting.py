"""matplotlib, asked for only where a picture is drawn."""

from __future__ import annotations

import os
from typing import Any


class MissingMatplotlibError(ImportError):
    """matplotlib is not installed."""


def pyplot() -> Any:
    """matplotlib's pyplot, without a window where there is no display.

    Raises:
        MissingMatplotlibError: names the extra to install.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingMatplotlibError('plots need matplotlib; pip install "humboldt[plots]"') from error
    if not os.environ.get("DISPLAY") and "MPLBACKEND" not in os.environ:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
