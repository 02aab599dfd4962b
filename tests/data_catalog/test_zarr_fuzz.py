"""Ten thousand broken stores: each is read or refused with an error of ours, in bounded memory and time."""

import json
import resource
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, ZstdCodec

from humboldt.data_catalog import DataError, UnreadableLayoutError, ZarrReader
from humboldt.data_catalog.zarr_layout import parse_zarr_layout

SHAPE, CHUNKS = (6, 4, 8), (1, 4, 8)
STORES: dict[str, dict[str, Any]] = {
    "sharded": {"shards": (3, 4, 8), "compressors": BloscCodec(cname="zstd")},
    "index first": {"shards": {"shape": (2, 4, 8), "index_location": "start"}, "compressors": ZstdCodec()},
    "plain": {"compressors": BloscCodec(cname="lz4")},
    "raw": {"compressors": None},
    "second": {"zarr_format": 2},
}
SMALL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([0, 2**31, 2**63]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
QUICK = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=2100)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, choices in STORES.items():
        array = zarr.create_array(str(folder / name), shape=SHAPE, chunks=CHUNKS, dtype="f4", **choices)
        array[:] = np.random.default_rng(0).normal(size=SHAPE)
    return folder


def mutated(said: Any, draw: Any) -> Any:
    """The metadata with one part of it, anywhere, replaced by something else or left out."""
    if isinstance(said, dict) and said and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(said)))
        if draw(st.integers(0, 4)) == 0:
            return {k: v for k, v in said.items() if k != key}
        return {**said, key: mutated(said[key], draw)}
    if isinstance(said, list) and said and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(said) - 1))
        return [*said[:place], mutated(said[place], draw), *said[place + 1 :]]
    return draw(SMALL)


def check_metadata(stores: Path, name: str, data: Any) -> None:
    """Broken metadata give a layout or our error; what is read with a wrong layout gives values or our error."""
    file = ".zarray" if name == "second" else "zarr.json"
    said: Any = json.loads((stores / name / file).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        said = mutated(said, data.draw)
    raw = json.dumps(said).encode()
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.integers(0, 9)) == 0 else raw
    try:
        layout = parse_zarr_layout(lambda wanted: raw if wanted == file else None, "here")
    except UnreadableLayoutError:
        return
    reader = ZarrReader(stores / name)
    reader.layout, reader.shape = layout, layout.shape
    if layout.shape and layout.shape[0] and np.prod([min(n, 2**40) for n in layout.shape[1:]], dtype=float) < 2**16:
        read_or_refuse(reader, layout.shape[0])


def check_bytes(stores: Path, name: str, data: Any) -> None:
    """Broken bytes of a file give values or our error."""
    file = sorted(p for p in (stores / name).rglob("*") if p.is_file() and p.name not in ("zarr.json", ".zarray"))[0]
    original = file.read_bytes()
    raw = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        where = data.draw(st.integers(0, len(raw) - 1) | st.integers(max(0, len(raw) - 60), len(raw) - 1))
        raw[where] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3)) == 0
    kept = bytes(raw[: data.draw(st.integers(0, len(raw)))]) if cut else bytes(raw)
    extra = data.draw(st.binary(max_size=20)) if data.draw(st.integers(0, 3)) == 0 else b""
    file.write_bytes(kept + extra)
    try:
        read_or_refuse(ZarrReader(stores / name), SHAPE[0])
    finally:
        file.write_bytes(original)


def read_or_refuse(reader: ZarrReader, count: int) -> None:
    """Read a few samples; any other error fails the test."""
    try:
        reader.read_many(np.unique(np.linspace(0, count - 1, 4).astype(int)))
    except DataError:
        return


@pytest.mark.parametrize("name", STORES)
@QUICK
@given(data=st.data())
def test_broken_metadata_are_read_or_refused(name: str, data: Any, stores: Path) -> None:
    check_metadata(stores, name, data)


@pytest.mark.parametrize("name", STORES)
@QUICK
@given(data=st.data())
def test_broken_files_are_read_or_refused(name: str, data: Any, stores: Path) -> None:
    check_bytes(stores, name, data)


@pytest.mark.integration
@pytest.mark.timeout(1800)
def test_ten_thousand_of_each_in_bounded_memory(stores: Path) -> None:
    """In a process of its own, so that a crash of a decoder would be seen as one, and with a limit on its memory."""
    done = subprocess.run([sys.executable, __file__, str(stores)], capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stderr[-3000:]
    count, peak = map(int, done.stdout.split())
    assert count >= 20000
    assert peak < 2**28


def main(stores: Path) -> None:
    """Fuzz all stores; print how many inputs there were, and the peak of traced memory."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    count = 0
    tracemalloc.start()

    def counted(check: Any, name: str) -> Any:
        def run(data: Any) -> None:
            nonlocal count
            count += 1
            check(stores, name, data)

        return LONG(given(data=st.data())(run))

    for name in STORES:
        for check in (check_metadata, check_bytes):
            counted(check, name)()
    print(count, tracemalloc.get_traced_memory()[1])


if __name__ == "__main__":
    copy = Path(sys.argv[1]).with_name("copy")
    shutil.copytree(sys.argv[1], copy)
    main(copy)
