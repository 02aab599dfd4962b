"""One file from an address: resumed after a cut, checked, and put in its place in one step.

`pooch` begins anew after a cut, so that its downloader is not used here; its hashes and its cache folder are.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tqdm import tqdm

from ..errors import DataError
from .digests import file_digest

PIECE = 2**14  # what a cut can cost at most [bytes]
ATTEMPTS = 5
PAUSE = 0.5
TIMEOUT = (10, 60)  # to connect, and between two pieces [s]


class CutError(OSError):
    """A transfer that ended too early; it can be resumed."""


def download(
    url: str,
    target: Path,
    *,
    checksum: tuple[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Fetch an address into a file; what came before a cut, or before the process was killed, is kept and continued.

    Until it is complete and its checksum fits, it is `.NAME.partial` beside the target.

    Args:
        url: http(s), or whatever fsspec reads.
        target: the file.
        checksum: (algorithm, digest).
        options: for the file system of fsspec.
        progress: show a bar.

    Raises:
        DataError: nothing at this address, or another checksum.
        OSError: no connection after several attempts, or a full disk; what has come is kept.
    """
    partial = target.with_name(f".{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        resumed = _complete(url, partial, checksum is not None, dict(options or {}), progress)
        if checksum is None or file_digest(partial, checksum[0]) == checksum[1]:
            break
        found = file_digest(partial, checksum[0])
        partial.unlink()
        if not resumed:
            raise DataError(
                f"the checksum of {target.name} is {checksum[0]} {checksum[1]}, got {found} from {url}; nothing was "
                "kept. Fetch again; if it stays so, the data have changed, and the entry needs a new version"
            )
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, target)
    _tag(partial).unlink(missing_ok=True)
    return target


def _complete(url: str, partial: Path, checked: bool, options: dict[str, Any], progress: bool) -> bool:
    """Fill the partial file; whether it was begun by an earlier call."""
    begun = partial.exists() and partial.stat().st_size > 0
    if begun and not checked and not _tag(partial).exists():
        partial.unlink()  # it could be of another version, and nobody would see
        begun = False
    for attempt in range(ATTEMPTS):
        before = partial.stat().st_size if partial.exists() else 0
        try:
            transfer = _over_http if urlsplit(url).scheme in ("http", "https") else _over_fsspec
            transfer(url, partial, options, progress)
            return begun
        except CutError as error:
            moved = partial.exists() and partial.stat().st_size > before
            if attempt == ATTEMPTS - 1:
                kept = partial.stat().st_size if partial.exists() else 0
                raise OSError(
                    errno.EIO, f"{url} broke off ({error}); {kept} bytes are kept: the same call continues there"
                ) from error
            time.sleep(0 if moved else PAUSE * 2**attempt)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OSError(
                    errno.ENOSPC, f"the disk became full; what has come is kept in {partial}: free space and repeat"
                ) from error
            raise
    raise AssertionError("unreachable")


def _over_http(url: str, partial: Path, options: dict[str, Any], progress: bool) -> None:
    import requests

    have, tag = partial.stat().st_size if partial.exists() else 0, _read(_tag(partial))
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": tag} if tag else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing lies behind what we have: complete, or of another version
                if answer.headers.get("Content-Range", "").rpartition("/")[2] != str(have):
                    partial.unlink()
                    raise CutError("the file has become shorter")
                return
            if answer.status_code in (429, 500, 502, 503, 504):
                raise CutError(f"the server answered {answer.status_code}")
            if answer.status_code not in (200, 206):
                raise DataError(
                    f"an address answers with the data, got {answer.status_code} {answer.reason} from {url}; "
                    "check the entry, or whether it needs a login"
                )
            start = have if answer.status_code == 206 else 0
            if not start:
                _note(partial, answer.headers.get("ETag"))
            length = answer.headers.get("Content-Length")
            with _appending(partial, start, int(length) if length else None, url, progress) as (file, bar):
                for piece in answer.iter_content(PIECE):
                    bar.update(file.write(piece))
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise CutError(type(error).__name__) from error


def _over_fsspec(url: str, partial: Path, options: dict[str, Any], progress: bool) -> None:
    import fsspec

    try:
        system, path = fsspec.url_to_fs(url, **options)
        information = system.info(path)
    except FileNotFoundError as error:
        raise DataError(f"an address answers with the data, got nothing at {url}; check the entry") from error
    except (ImportError, ValueError) as error:
        raise ImportError(
            f'{url} needs a file system that is not installed ({error}); try "humboldt[remote]"'
        ) from error
    tag = f"{information.get('size')} {information.get('ETag') or information.get('mtime') or ''}"
    have = partial.stat().st_size if partial.exists() and _read(_tag(partial)) in (tag, None) else 0
    if not have:
        _note(partial, tag)
    size = information.get("size")
    with system.open(path, "rb") as source, _appending(partial, have, (size or 0) - have, url, progress) as (file, bar):
        source.seek(have)
        while piece := source.read(PIECE):
            bar.update(file.write(piece))


@contextmanager
def _appending(
    partial: Path, start: int, coming: int | None, url: str, progress: bool
) -> Iterator[tuple[IO[bytes], Any]]:
    """The partial file cut to what is sure, and a bar; fewer bytes than announced are a cut."""
    name = Path(urlsplit(url).path).name
    total = None if coming is None else start + coming
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=name, disable=not progress)
    with partial.open("r+b" if partial.exists() else "wb") as file, bar:
        file.truncate(start)
        file.seek(start)
        yield file, bar
        file.flush()
        if total is not None and file.tell() < total:
            raise CutError(f"{file.tell()} of {total} bytes came")


def _tag(partial: Path) -> Path:
    """What the server calls the version that the partial file is of."""
    return partial.with_name(partial.name + ".tag")


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _note(partial: Path, tag: str | None) -> None:
    partial.unlink(missing_ok=True)
    _tag(partial).unlink(missing_ok=True)
    if tag and not tag.startswith("W/"):
        _tag(partial).write_text(tag)
