"""Ten thousand broken stores: each is read or refused with an error of ours, in bounded memory and time."""

import json
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, ZstdCodec

from humboldt.data_catalog import DataError, UnreadableLayoutError, ZarrReader
from humboldt.data_catalog.reader.zarr_layout import parse_zarr_layout

SHAPE, CHUNKS = (6, 4, 8), (1, 4, 8)
STORES: dict[str, dict[str, Any]] = {
    "sharded": {"shards": (3, 4, 8), "compressors": BloscCodec(cname="zstd")},
    "index first": {"shards": {"shape": (2, 4, 8), "index_location": "start"}, "compressors": ZstdCodec()},
    "plain": {"compressors": BloscCodec(cname="lz4")},
    "raw": {"compressors": None},
    "second": {"zarr_format": 2},
}
PLAIN = (None, True, False, 0, 1, -1, 3, 2**31, 2**63, 0.5, 1e300, "", "x", "\u00fc", "NaN", "bytes", "float64")
QUICK = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
EACH = 2000  # inputs of each kind for each store in the long run


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, choices in STORES.items():
        array = zarr.create_array(str(folder / name), shape=SHAPE, chunks=CHUNKS, dtype="f4", **choices)
        array[:] = np.random.default_rng(0).normal(size=SHAPE)
    return folder


def anything(chance: random.Random, depth: int = 2) -> Any:
    """A small JSON value."""
    kind = chance.randint(0, 3) if depth else 0
    if kind == 1:
        return [anything(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    if kind == 2:
        return {str(chance.choice(PLAIN)): anything(chance, depth - 1) for _ in range(chance.randint(0, 3))}
    return chance.randint(-(2**65), 2**65) if kind == 3 else chance.choice(PLAIN)


def mutated(said: Any, chance: random.Random) -> Any:
    """The metadata with one part of it, anywhere, replaced by something else or left out."""
    if isinstance(said, dict) and said and chance.randint(0, 5):
        key = chance.choice(sorted(said))
        if chance.randint(0, 4) == 0:
            return {k: v for k, v in said.items() if k != key}
        return {**said, key: mutated(said[key], chance)}
    if isinstance(said, list) and said and chance.randint(0, 5):
        place = chance.randint(0, len(said) - 1)
        return [*said[:place], mutated(said[place], chance), *said[place + 1 :]]
    return anything(chance)


def check_metadata(stores: Path, name: str, chance: random.Random) -> None:
    """Broken metadata give a layout or our error; what is read with a wrong layout gives values or our error."""
    file = ".zarray" if name == "second" else "zarr.json"
    said: Any = json.loads((stores / name / file).read_text())
    for _ in range(chance.randint(1, 3)):
        said = mutated(said, chance)
    raw = json.dumps(said).encode()
    raw = raw[: chance.randint(0, len(raw))] if chance.randint(0, 9) == 0 else raw
    try:
        layout = parse_zarr_layout(lambda wanted: raw if wanted == file else None, "here")
    except UnreadableLayoutError:
        return
    reader = ZarrReader(stores / name)
    reader.layout, reader.shape = layout, layout.shape
    if layout.shape and layout.shape[0] and np.prod([min(n, 2**40) for n in layout.shape[1:]], dtype=float) < 2**16:
        read_or_refuse(reader, layout.shape[0])


def check_bytes(stores: Path, name: str, chance: random.Random) -> None:
    """Broken bytes of a file give values or our error."""
    file = sorted(p for p in (stores / name).rglob("*") if p.is_file() and p.name not in ("zarr.json", ".zarray"))[0]
    original = file.read_bytes()
    raw = bytearray(original)
    for _ in range(chance.randint(1, 6)):
        start = 0 if chance.randint(0, 1) else max(0, len(raw) - 60)  # anywhere, or in an index at the end
        raw[chance.randint(start, len(raw) - 1)] = chance.randint(0, 255)
    kept = bytes(raw[: chance.randint(0, len(raw))]) if chance.randint(0, 3) == 0 else bytes(raw)
    extra = chance.randint(0, 2**64).to_bytes(9, "little") if chance.randint(0, 3) == 0 else b""
    put(file, kept + extra)
    try:
        read_or_refuse(ZarrReader(stores / name), SHAPE[0])
    finally:
        put(file, original)


def put(file: Path, content: bytes) -> None:
    """A new file in its place: some file systems wait for the disk where one is overwritten."""
    file.unlink()
    file.write_bytes(content)


def read_or_refuse(reader: ZarrReader, count: int) -> None:
    """Read a few samples; any other error fails the test."""
    try:
        reader.read_many(np.unique(np.linspace(0, count - 1, 4).astype(int)))
    except DataError:
        return


@pytest.mark.parametrize("name", STORES)
@QUICK
@given(chance=st.randoms(use_true_random=False))
def test_broken_metadata_are_read_or_refused(name: str, chance: random.Random, stores: Path) -> None:
    check_metadata(stores, name, chance)


@pytest.mark.parametrize("name", STORES)
@QUICK
@given(chance=st.randoms(use_true_random=False))
def test_broken_files_are_read_or_refused(name: str, chance: random.Random, stores: Path) -> None:
    check_bytes(stores, name, chance)


@pytest.mark.integration
def test_ten_thousand_of_each_in_bounded_memory(stores: Path) -> None:
    """In a process of its own, so that a crash of a decoder would be seen as one, and with a limit on its memory."""
    done = subprocess.run([sys.executable, __file__, str(stores)], capture_output=True, text=True, timeout=290)
    assert done.returncode == 0, done.stderr[-3000:]
    count, grown = map(int, done.stdout.split())
    assert count >= 20000
    assert grown < 2**28


def main(stores: Path) -> None:
    """Fuzz all stores; print how many inputs there were, and by how many bytes the memory of the process grew."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    before, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for name in STORES:
        for check in (check_metadata, check_bytes):
            for seed in range(EACH):
                check(stores, name, random.Random(seed))
                count += 1
    print(count, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


if __name__ == "__main__":
    copy = Path(sys.argv[1]).with_name("copy")
    shutil.copytree(sys.argv[1], copy)
    main(copy)
