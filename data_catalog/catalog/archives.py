"""Unpacking archives that somebody else has made: nothing leaves the folder, nothing is half there."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from ..errors import DataError
from .cache import require_space
from .strict import relative_path


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a ZIP or TAR archive into a new folder, which is there when it is complete.

    Raises:
        DataError: a member that lies outside, a link, or no archive.
        OSError: the disk cannot hold the members.
    """
    aside = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        _unpack_aside(archive, aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(aside, folder)
    return folder


def _unpack_aside(archive: Path, aside: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, aside)
        elif tarfile.is_tarfile(archive):
            _unpack_tar(archive, aside)
        else:
            raise DataError(f"an archive is ZIP or TAR, got {archive.name}; set unpack: false, or correct the address")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"{archive.name} is a broken archive ({error}); fetch it again") from error


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            _require_inside(archive, member.filename, is_link=(member.external_attr >> 28) == 0o12)
        require_space(sum(member.file_size for member in file.infolist()), folder, archive.name)
        file.extractall(folder)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        members = file.getmembers()
        for member in members:
            _require_inside(archive, member.name, is_link=not (member.isfile() or member.isdir()))
        require_space(sum(member.size for member in members), folder, archive.name)
        checked: dict[str, Any] = (
            {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        )  # Python below 3.11.4 has none
        file.extractall(folder, **checked)
        while file.fileobj is not None and file.fileobj.read(2**20):  # a cut behind the last member is a cut too
            pass


def _require_inside(archive: Path, name: str, *, is_link: bool) -> None:
    try:
        relative_path(name.rstrip("/"))
    except ValueError:
        is_link = True
    if is_link:
        raise DataError(
            f"members of an archive are plain files below it, got {name!r} in {archive.name}; nothing was unpacked. "
            "Do not use this archive"
        )
