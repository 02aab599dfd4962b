"""An entry in the formats of others; what may not be passed on is refused."""

from __future__ import annotations

from ..errors import DataError
from ..store import did_you_mean
from .card import card
from .croissant import croissant
from .entry import Entry
from .licences import require_redistribution
from .stac import stac

FORMATS = {"croissant": croissant, "stac": stac, "card": card}


def export_entry(entry: Entry, kind: str) -> str:
    """An entry as `croissant` (JSON-LD), `stac` (a collection) or `card` (Markdown).

    Raises:
        DataError: an unknown format, or terms that forbid redistribution.
    """
    if kind not in FORMATS:
        raise DataError(f"a format is one of {', '.join(FORMATS)}, got {kind!r}{did_you_mean(kind, [*FORMATS])}")
    require_redistribution(entry.id, entry.redistribution, entry.licence)
    return FORMATS[kind](entry)
