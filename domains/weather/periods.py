"""Parts of a series of states, as periods, shares or numbers of states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from humboldt.data_catalog import DataError, split_units

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def period(times: pd.Index, parts: Mapping[str, Any], name: str) -> tuple[int, int]:
    """Places of the first and the last state of a part; (1, 0) if it has none.

    Args:
        times: of all states, rising.
        parts: {name: (first time, last time)}, or shares or numbers of states; `SHARES` if there are none.
        name: of the part.
    """
    known: Mapping[str, Any] = parts or SHARES
    if counted(known):
        states = getattr(split_units(len(times), known), name)
        return (states[0], states[-1]) if states else (1, 0)
    first, last = known[name]
    try:
        chosen = np.arange(len(times))[times.slice_indexer(str(first), str(last))]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a period has a first and a last time, such as ('2000-01-01', '2000-12-31'), got {known[name]!r} for "
            f"{name!r}; write them as in ISO 8601"
        ) from error
    return (int(chosen[0]), int(chosen[-1])) if len(chosen) else (1, 0)


def counted(parts: Mapping[str, Any]) -> bool:
    """Whether parts are given as shares or numbers of states, and not as periods.

    Raises:
        DataError: neither.
    """
    if all(isinstance(part, Sequence) and len(part) == 2 for part in parts.values()):
        return False
    if not all(isinstance(part, int | float) for part in parts.values()):
        raise DataError(
            "parts of a split are periods (first time, last time), or shares or numbers of states, such as "
            f"{{'train': 0.8, 'test': 0.2}}, got {dict(parts)}"
        )
    return True
