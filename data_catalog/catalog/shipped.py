"""Small data sets that come with the package (see `examples/README.md` for where they are from)."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from ..store import did_you_mean

FOLDER = Path(__file__).parent.parent / "examples"


def example(name: str) -> Path:
    """The file of an example, such as `burgers2d`.

    Raises:
        DataError: an unknown name, with the nearest known one.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.nc"))
    if name not in known:
        raise DataError(f"examples are {known}, got {name!r}{did_you_mean(name, known)}")
    return FOLDER / f"{name}.nc"
