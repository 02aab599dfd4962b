"""Where data come from: a generator, files, a Zarr store, or an address that is read in place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from .strict import Md5, RelativePath, Sha256, Strict

PACKAGE = "package"


def is_url(text: str) -> str:
    """An address with a scheme and a place.

    Raises:
        ValueError: anything else.
    """
    parts = urlsplit(text)
    if not parts.scheme or not (parts.netloc or parts.path.strip("/")) or len(parts.scheme) < 2:
        raise ValueError(f"an address begins with its scheme, such as https://..., got {text!r}")
    return text


Url = Annotated[str, AfterValidator(is_url)]


class Generated(Strict):
    """Made here from a seed: the generator is named as data, whoever opens the entry knows what stands behind it.

    Attributes:
        problem: name of the generator within the entry's domain.
        values_sha256: over the values (see `values_digest`), where they are the same on every machine.
    """

    kind: Literal["generated"]
    problem: str
    parameters: dict[str, int | float | str | bool] = Field(default_factory=dict)
    seed: int = Field(ge=0)
    values_sha256: Sha256 | None = None

    @property
    def has_checksum(self) -> bool:
        """Whether its values are pinned."""
        return self.values_sha256 is not None


class File(Strict):
    """One file; `unpack` says that it is an archive whose members are the data.

    A publisher who gives MD5 sums alone is quoted: they find a broken download, not a forged one.
    """

    path: RelativePath
    url: Url | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    bytes: int | None = Field(None, ge=0)
    unpack: bool = False

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Algorithm and digest of the strongest checksum that is known."""
        if self.sha256:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 else None


class Files(Strict):
    """Files under a folder.

    Attributes:
        root: folder of the paths (`~` and environment variables are expanded; `package` is what comes with Humboldt);
            by default the catalog's cache.
        pattern: names of the files that are not listed one by one, as the publisher writes them.
        access: how to get what has no address.
    """

    kind: Literal["files"]
    root: str | None = None
    files: tuple[File, ...] = ()
    pattern: str | None = None
    access: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Files:
        if not self.files and self.pattern is None:
            raise ValueError("files are listed in files=, or described by pattern= and access=, got neither")
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError(f"a file is listed once, got one twice among {', '.join(paths)[:200]}")
        return self

    @property
    def has_checksum(self) -> bool:
        """Whether every file has one."""
        return bool(self.files) and all(file.checksum for file in self.files)


class ZarrStore(Strict):
    """A Zarr store that is copied as a whole.

    Attributes:
        manifest_sha256: over the sorted (path, sha256) of all its files (see `manifest_digest`).
    """

    kind: Literal["zarr"]
    path: RelativePath
    root: str | None = None
    url: Url | None = None
    manifest_sha256: Sha256 | None = None
    bytes: int | None = Field(None, ge=0)

    @property
    def has_checksum(self) -> bool:
        """Whether its manifest is pinned."""
        return self.manifest_sha256 is not None


class Remote(Strict):
    """Read in place through fsspec, chunk by chunk; nothing is checked but what the store itself checks."""

    kind: Literal["remote"]
    url: Url
    layout: Literal["zarr", "netcdf", "hdf5", "table"] = "zarr"
    options: dict[str, Any] = Field(default_factory=dict)
    access: str | None = None

    @property
    def has_checksum(self) -> bool:
        """Never: nobody promises that it stays as it is."""
        return False


Source = Annotated[Generated | Files | ZarrStore | Remote, Field(discriminator="kind")]


def expanded_root(root: str) -> Path:
    """The folder that `root` names."""
    if root == PACKAGE:
        return Path(__file__).parent.parent / "examples"
    return Path(os.path.expandvars(root)).expanduser()
