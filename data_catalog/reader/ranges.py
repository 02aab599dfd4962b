"""Byte ranges of files behind a URL, many at a time: by obstore where it is installed and speaks the protocol, else by
fsspec."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from ..errors import DataError
from .chunk_reader import pool

MISSING = (FileNotFoundError, KeyError)
HDF5_ENDINGS = (".nc", ".nc4", ".h5", ".hdf5", ".he5")
"""What URLs of HDF5 files end in; others are of Zarr stores."""
OBSTORE = ("http://", "https://", "s3://", "gs://", "az://")
_obstore_began_in: set[int] = set()


class Span(NamedTuple):
    """Bytes of a file: `size` from `start` on; all of it if `size` is None, the last ones if `start` is negative."""

    name: str
    start: int = 0
    size: int | None = None


class Ranges(ABC):
    """Gives byte ranges of the files under a URL."""

    @abstractmethod
    def fetch(self, spans: Sequence[Span]) -> list[Any]:
        """The bytes of each; None where there is no such file.

        Raises:
            OSError: the network, or the other side.
        """


def open_ranges(url: str, options: dict[str, Any], at_once: int) -> Ranges:
    """What reads under a URL in this process.

    obstore takes no options of fsspec, and its threads do not survive a fork: with options, and in a process that was
    forked after it was used, it is fsspec that reads.
    """
    if url.startswith(OBSTORE) and not options and _obstore_began_in <= {os.getpid()}:
        try:
            found = ObstoreRanges(url, at_once)
        except ImportError:
            return FsspecRanges(url, options, at_once)
        _obstore_began_in.add(os.getpid())
        return found
    return FsspecRanges(url, options, at_once)


class ObstoreRanges(Ranges):
    """Through obstore, in a few threads: it waits for the network without holding the interpreter."""

    def __init__(self, url: str, at_once: int) -> None:
        import obstore.store
        from obstore.exceptions import BaseError, NotFoundError

        self.missing, self.faults, self.url, self.at_once = (NotFoundError, FileNotFoundError), BaseError, url, at_once
        plain: Any = {"client_options": {"allow_http": True}} if url.startswith("http://") else {}
        self.store = obstore.store.from_url(url, **plain)

    def fetch(self, spans: Sequence[Span]) -> list[Any]:
        """See `Ranges.fetch`."""
        return in_threads(self._one, spans, self.at_once)

    def _one(self, span: Span) -> Any:
        import obstore

        try:
            if span.size is None:
                return obstore.get(self.store, span.name).bytes()
            if span.start < 0:
                return obstore.get(self.store, span.name, options={"range": {"suffix": -span.start}}).bytes()
            return obstore.get_range(self.store, span.name, start=span.start, length=span.size)
        except self.missing:
            return None
        except self.faults as error:
            raise OSError(f"{self.url}/{span.name}: {error}") from error


class FsspecRanges(Ranges):
    """Through fsspec: in its event loop where it has one, else in threads."""

    def __init__(self, url: str, options: dict[str, Any], at_once: int) -> None:
        fresh = {"skip_instance_cache": True}  # an event loop does not survive a fork
        self.files, self.root = file_system(url, **options, **fresh)
        self.at_once = at_once

    def fetch(self, spans: Sequence[Span]) -> list[Any]:
        """See `Ranges.fetch`."""
        if not spans:
            return []
        if getattr(self.files, "async_impl", False):
            from fsspec.asyn import sync

            return sync(self.files.loop, self._together, spans)
        return in_threads(self._one, spans, self.at_once)

    async def _together(self, spans: Sequence[Span]) -> list[bytes | None]:
        gate = asyncio.Semaphore(self.at_once)

        async def one(span: Span) -> bytes | None:
            start, end = bounds(span)
            async with gate:
                try:
                    return await self.files._cat_file(self._path(span), start=start, end=end)
                except MISSING:
                    return None

        return await asyncio.gather(*map(one, spans))

    def _one(self, span: Span) -> bytes | None:
        start, end = bounds(span)
        try:
            return self.files.cat_file(self._path(span), start=start, end=end)
        except MISSING:
            return None

    def _path(self, span: Span) -> str:
        return f"{self.root}/{span.name}"


def file_system(url: str, **options: Any) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it; that of obstore where fsspec lacks a package.

    Raises:
        DataError: no such protocol, or its package is not installed.
    """
    import fsspec

    try:
        return fsspec.core.url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        protocol, _, path = url.partition("://")
        if isinstance(error, ImportError) and url.startswith(OBSTORE) and find_spec("obstore"):
            from obstore.fsspec import FsspecStore

            options.setdefault("client_options", {"allow_http": "AWS_ALLOW_HTTP" in os.environ})
            make: Any = FsspecStore  # its overloads do not know the options of fsspec
            return make(protocol, skip_instance_cache=True, **options), path
        raise DataError(
            f"stores behind a URL need fsspec and the package of their protocol, got {url} ({error}); "
            "pip install 'humboldt[remote]', and s3fs or gcsfs for s3:// or gs://"
        ) from error


def zarr_at(url: str) -> Any:
    """A store behind a URL as zarr-python opens it.

    Raises:
        DataError: see `file_system`.
    """
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
    from zarr.storage import FsspecStore

    files, path = file_system(url, asynchronous=True)
    return FsspecStore(files if files.async_impl else AsyncFileSystemWrapper(files, asynchronous=True), path=path)


def open_remote(url: str, **options: Any) -> Any:
    """A file behind a URL for a library that reads it piece by piece; blocks of it are kept.

    Raises:
        FileNotFoundError: it is not there.
    """
    files, path = file_system(url, **options)
    try:
        return files.open(path, "rb", block_size=2**18, cache_type="blockcache")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"data are read from a file or a Zarr folder, got {url}, which is not there") from error


def in_threads(read: Callable[[Span], Any], spans: Sequence[Span], at_once: int) -> list[Any]:
    """What `read` makes of each, in threads where there are several."""
    if len(spans) < 2:
        return [read(span) for span in spans]
    return list(pool(os.getpid(), at_once).map(read, spans))


def bounds(span: Span) -> tuple[int | None, int | None]:
    """Start and end as fsspec takes them."""
    if span.size is None:
        return None, None
    return span.start, None if span.start < 0 else span.start + span.size
