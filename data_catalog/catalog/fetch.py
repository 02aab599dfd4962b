"""Bring an entry's data to this machine: planned beforehand, resumed, checked, atomic, safe among many processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DataError
from .archives import unpack
from .cache import home, is_here, is_offline, located, locked, require_space, unpacked
from .digests import manifest_digest, values_digest
from .download import download
from .entry import Entry
from .sources import File, Files, Generated, Remote, ZarrStore
from .strict import relative_path

Maker = Callable[[Entry, Path], None]
"""Writes the files of a generated entry into an empty folder."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that a fetch does: `there` already, `fetch` it, `make` it, read it `in place`, or get it `by hand`."""

    name: str
    action: Literal["there", "fetch", "make", "in place", "by hand"]
    url: str | None = None
    bytes: int | None = None
    checked: bool = False


def plan_fetch(entry: Entry, cache: str | Path | None = None) -> list[Step]:
    """What `fetch` would do; nothing is asked of the network and nothing is written."""
    source, folder, here = entry.source, home(entry, cache), is_here(entry, cache)
    if isinstance(source, Remote):
        return [Step(name=source.url, action="in place", url=source.url)]
    if isinstance(source, Generated):
        checked = source.values_sha256 is not None
        return [Step(name=source.problem, action="there" if here else "make", checked=checked)]
    if isinstance(source, ZarrStore):
        action: Literal["fetch", "by hand"] = "fetch" if source.url else "by hand"
        one = Step(name=source.path, action=action, url=source.url, bytes=source.bytes, checked=source.has_checksum)
        return [Step(**{**one.__dict__, "action": "there"}) if here else one]
    steps = [_file_step(file, folder) for file in source.files]
    if not source.files and not here:
        steps.append(Step(name=source.pattern or "", action="by hand"))
    return steps


def _file_step(file: File, folder: Path) -> Step:
    place = folder / file.path
    there = (unpacked(place) if file.unpack else place).exists()
    action: Literal["there", "fetch", "by hand"] = "there" if there else "fetch" if file.url else "by hand"
    return Step(name=file.path, action=action, url=file.url, bytes=file.bytes, checked=file.checksum is not None)


def fetch(
    entry: Entry,
    *,
    cache: str | Path | None = None,
    offline: bool | None = None,
    progress: bool = True,
    make: Maker | None = None,
) -> str | Path:
    """Fetch or make what is not here yet, and say where the data are.

    Any number of processes may do so at once: one works, the others wait and find the result.

    Args:
        entry: of the catalog.
        cache: folder of fetched data; by default `$HUMBOLDT_DATA`, else the user's cache.
        offline: do not ask the network; by default as `HUMBOLDT_OFFLINE` or `HF_HUB_OFFLINE` say.
        progress: show bars.
        make: makes generated entries.

    Returns:
        What is opened: a file, a store, a folder of several files, or an address that is read in place.

    Raises:
        DataError: the data are not here and cannot be fetched; the message says how to get them.
        OSError: no connection, no space, or no permission.
    """
    if isinstance(entry.source, Remote) or is_here(entry, cache):
        return located(entry, cache)
    _require_way(entry, cache, is_offline(offline), make)
    folder = home(entry, cache)
    with locked(folder):
        if not is_here(entry, cache):
            needed = sum(step.bytes or 0 for step in plan_fetch(entry, cache) if step.action == "fetch")
            require_space(needed, folder, entry.id)
            _bring(entry, folder, progress, make)
    return located(entry, cache)


def _require_way(entry: Entry, cache: str | Path | None, offline: bool, make: Maker | None) -> None:
    """Refuse what cannot be brought, before anything is written."""
    steps = [step for step in plan_fetch(entry, cache) if step.action != "there"]
    by_hand = [step.name for step in steps if step.action == "by hand"]
    if by_hand:
        access = getattr(entry.source, "access", None) or "they have no address"
        raise DataError(
            f"{entry.id} has to be got by hand ({access}), got no {by_hand[0]} in {home(entry, cache)}; put it there"
        )
    if isinstance(entry.source, Generated):
        if make is None:
            raise DataError(f"{entry.id} is generated, got nothing that makes it; open it through humboldt.open")
    elif offline:
        raise DataError(
            f"{entry.id} is not on this machine and the network must not be asked, got no {steps[0].name} in "
            f"{home(entry, cache)}; fetch it where there is a network (humboldt catalog fetch {entry.id}) and copy "
            "that folder"
        )


def _bring(entry: Entry, folder: Path, progress: bool, make: Maker | None) -> None:
    source = entry.source
    if isinstance(source, Files):
        for file in source.files:
            _bring_file(file, folder, progress)
    elif isinstance(source, ZarrStore):
        _bring_store(source, folder, progress)
    elif isinstance(source, Generated) and make is not None:
        _make(entry, source, folder, make)


def _bring_file(file: File, folder: Path, progress: bool) -> None:
    place = folder / file.path
    if file.unpack and unpacked(place).exists():
        return
    if not place.exists() and file.url:
        download(file.url, place, checksum=file.checksum, progress=progress)
    if file.unpack:
        unpack(place, unpacked(place))


def _bring_store(source: ZarrStore, folder: Path, progress: bool) -> None:
    """Copy a store file by file into `.NAME.partial`; files that are there are complete and stay."""
    import fsspec

    assert source.url is not None
    system, root = fsspec.url_to_fs(source.url)
    partial = folder / f".{Path(source.path).name}.partial"
    for name in sorted(system.find(root)):
        below = relative_path(name.removeprefix(root).lstrip("/"))
        if not (partial / below).exists():
            download(system.unstrip_protocol(name), partial / below, progress=progress)
    found = manifest_digest(partial)
    if source.manifest_sha256 not in (None, found):
        shutil.rmtree(partial)
        raise DataError(
            f"the manifest of {source.path} has the SHA-256 {source.manifest_sha256}, got {found} from {source.url}; "
            "nothing was kept. Fetch again; if it stays so, the entry needs a new version"
        )
    (folder / source.path).parent.mkdir(parents=True, exist_ok=True)
    os.replace(partial, folder / source.path)


def _make(entry: Entry, source: Generated, folder: Path, make: Maker) -> None:
    aside = folder / ".making"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    make(entry, aside)
    found = values_digest(aside) if source.values_sha256 else None
    if found != source.values_sha256:
        shutil.rmtree(aside)
        raise DataError(
            f"{entry.id} is reproducible to the bit: SHA-256 of its values {source.values_sha256}, got {found}; the "
            "generator has changed, and the entry needs a new version"
        )
    os.replace(aside, folder / "made")
