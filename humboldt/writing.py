"""Writing what was made whole or not at all, and saying what is in the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class WriteError(ValueError):
    """Something that cannot be written; the message states rule, value and cure."""


@contextmanager
def room(folder: Path, what: str = "a prediction") -> Iterator[None]:
    """What is written to a folder is refused with a cure where there is no room, or no place, for it.

    Raises:
        WriteError: a full disk, a folder that cannot be made or written.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # the second is what NetCDF says of a full disk
        raise WriteError(
            f"{what} is written where there is room for it, but {folder} refused: {error}; free some space, or choose "
            "another output; the same command goes on"
        ) from error


def made_folder(folder: Path, what: str = "a prediction") -> Path:
    """The folder, made where it is not there, before anything is computed for it.

    Raises:
        WriteError: it cannot be made or written.
    """
    with room(folder, what):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writing.{os.getpid()}"
        probe.touch()
        probe.unlink()
    return folder


def write(made: Any, output: Path) -> None:
    """A table (`.csv`) or labelled fields, in a Zarr store (`.zarr`) or a NetCDF file.

    Raises:
        WriteError: no room for it; what was there before is left.
    """
    aside = output.with_name(f".{output.name}.writing")
    try:
        with room(output.parent):
            if output.suffix == ".csv":
                made.to_csv(aside, index=False)
            elif output.suffix == ".zarr":
                made.to_zarr(aside, mode="w", zarr_format=2)  # in which consolidated metadata are standard
            else:
                made.to_netcdf(aside)
            if output.is_dir():
                shutil.rmtree(output)
            os.replace(aside, output)
    finally:
        shutil.rmtree(aside, ignore_errors=True) if aside.is_dir() else aside.unlink(missing_ok=True)
