import errno
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec, TransposeCodec, ZstdCodec

from humboldt.data_catalog import DataError, UnreadableLayoutError, ZarrReader
from humboldt.data_catalog.reader import local_files
from humboldt.data_catalog.reader.local_files import ACCESS

SHAPE, CHUNKS = (7, 5, 9), (2, 5, 4)
VALUES = np.random.default_rng(0).normal(size=SHAPE)
STORES: dict[str, dict[str, Any]] = {
    "plain": {"compressors": None},
    "blosc": {"compressors": BloscCodec(cname="lz4", shuffle="shuffle")},
    "zstd": {"compressors": ZstdCodec(level=3, checksum=True)},
    "gzip": {"compressors": GzipCodec(level=1)},
    "big endian": {"dtype": ">f8", "compressors": None},
    "integers": {"dtype": "i2"},
    "sharded": {"shards": (4, 10, 8), "compressors": BloscCodec(cname="zstd")},
    "sharded plain": {"shards": (2, 5, 4), "compressors": None},
    "transposed": {"filters": [TransposeCodec(order=(2, 0, 1))], "compressors": ZstdCodec(level=1)},
    "shards with the index first": {"shards": {"shape": (4, 10, 8), "index_location": "start"}},
    "version 2": {"zarr_format": 2},
    "version 2, shuffled": {"zarr_format": 2, "filters": [numcodecs.Shuffle(4)], "compressors": numcodecs.Zlib(1)},
    "version 2, differences": {
        "zarr_format": 2,
        "dtype": "i4",
        "filters": [numcodecs.Delta("i4", "i2")],
        "compressors": numcodecs.LZ4(),
    },
    "version 2, scaled": {
        "zarr_format": 2,
        "dtype": "f8",
        "filters": [numcodecs.FixedScaleOffset(offset=1, scale=100, dtype="f8", astype="i2")],
        "compressors": numcodecs.BZ2(1),
    },
    "version 2 by columns": {"zarr_format": 2, "order": "F", "compressors": None},
}


def store(folder: Path, **choices: Any) -> tuple[Path, np.ndarray]:
    array = zarr.create_array(str(folder), **{"shape": SHAPE, "chunks": CHUNKS, "dtype": "f4", **choices})
    array[:] = (10 * VALUES).astype(array.dtype)
    return folder, np.asarray(array[:])


def whole(folder: Path, dtype: Any = "f4") -> np.ndarray:
    out = np.empty(SHAPE, dtype)
    ZarrReader(folder).read([slice(None)] * 3, out)
    return out


@pytest.mark.parametrize("access", ACCESS)
@pytest.mark.parametrize("name", STORES)
def test_any_box_is_what_zarr_reads(name, access, tmp_path):
    folder, values = store(tmp_path / "a", **STORES[name])
    reader, random = ZarrReader(folder, access=access), np.random.default_rng(1)
    for _ in range(30):
        ends = [np.sort(random.choice(n + 1, 2, replace=False)) for n in SHAPE]
        box = [slice(int(a), int(b)) for a, b in ends]
        out = np.full([s.stop - s.start for s in box], np.nan, "f4")
        reader.read(box, out)
        assert np.array_equal(out, values[tuple(box)].astype("f4"))


@pytest.mark.parametrize("name", STORES)
def test_scattered_samples_come_in_the_order_asked_for(name, tmp_path):
    folder, values = store(tmp_path / "a", **STORES[name])
    reader, picked = ZarrReader(folder, threads=2), [5, 0, 1, 5, 6, 2]
    assert np.array_equal(reader.read_many(picked), values[picked])
    columns = np.array([8, 2, 3, 0])
    out = np.empty((7, 2, 4), "f8")
    reader.read([slice(0, 7), slice(1, 3), columns], out)
    assert np.array_equal(out, values[:, 1:3][:, :, columns])
    with pytest.raises(IndexError, match="positions 0 to 6, got 3 to 7"):
        reader.read_many([3, 7])


@pytest.mark.parametrize("dtype", ["c8", ">c16", "f2", "?"])
@pytest.mark.parametrize("choices", [{}, {"zarr_format": 2}, {"shards": (4, 10, 8), "compressors": None}])
def test_complex_numbers_halves_and_truths_with_their_fill_value(dtype, choices, tmp_path):
    fill = complex(2, -np.inf) if "c" in dtype else True
    array = zarr.create_array(str(tmp_path), shape=SHAPE, chunks=CHUNKS, dtype=dtype, fill_value=fill, **choices)
    array[:4] = (VALUES[:4] * (1 + 2j if "c" in dtype else 1)).astype(dtype)
    found = ZarrReader(tmp_path).read_many([6, 1, 0, 4])
    assert found.dtype.kind == np.dtype(dtype).kind
    assert np.array_equal(found, np.asarray(array[:])[[6, 1, 0, 4]])


@pytest.mark.parametrize("choices", [{}, {"compressors": None}, {"zarr_format": 2}])
def test_a_single_value(choices, tmp_path):
    zarr.create_array(str(tmp_path), shape=(), dtype="f8", **choices)[...] = 7.5
    assert ZarrReader(tmp_path).read([]) == 7.5


def test_a_position_outside_is_nan(tmp_path):
    folder, values = store(tmp_path / "a")
    found = ZarrReader(folder).read([np.array([-1, -1, 0, 1]), slice(0, 5), np.array([8, -1])])
    assert np.isnan(found[:2]).all()
    assert np.isnan(found[:, :, 1]).all()
    assert np.array_equal(found[2:, :, 0], values[:2, :, 8])


def test_a_chunk_of_many_samples_is_decoded_once(tmp_path, monkeypatch):
    folder, values = store(tmp_path / "a", compressors=ZstdCodec())
    reader, fetched = ZarrReader(folder), []
    fetch = reader.fetch

    def counted(place):
        fetched.append(place)
        return fetch(place)

    monkeypatch.setattr(reader, "fetch", counted)
    for sample in (0, 1, 0):
        assert np.array_equal(reader.read_many([sample])[0], values[sample])
    assert sorted(fetched) == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]


@pytest.mark.parametrize("name", ["plain", "sharded plain"])
def test_of_a_raw_chunk_only_the_wanted_bytes_are_read(name, tmp_path, monkeypatch):
    folder, values = store(tmp_path / "a", **{**STORES[name], "chunks": (7, 5, 9), "shards": None})
    reader, bytes_read = ZarrReader(folder), []
    part = reader.fetch_part

    def counted(place, start, out):
        bytes_read.append(out.nbytes)
        return part(place, start, out)

    monkeypatch.setattr(reader, "fetch_part", counted)
    assert np.array_equal(reader.read_many([3]), values[[3]])
    assert sum(bytes_read) == values[3].nbytes


def test_a_reader_goes_to_another_process_as_it_is(tmp_path):
    folder, values = store(tmp_path / "a", **STORES["sharded"])
    reader = ZarrReader(folder)
    reader.read_many([0])
    assert np.array_equal(pickle.loads(pickle.dumps(reader)).read_many([6, 1]), values[[6, 1]])


def test_a_missing_shard_holds_the_fill_value_until_it_was_seen(tmp_path):
    folder, values = store(tmp_path / "a", **STORES["sharded"], fill_value=-3)
    (folder / "c" / "1" / "0" / "1").unlink()
    found = whole(folder)
    assert (found[4:, :, 8:] == -3).all()
    assert np.array_equal(found[:4], values[:4])


@pytest.mark.parametrize("longer", [True, False])
def test_a_plain_chunk_that_changes_under_the_reader_is_refused(tmp_path, longer):
    folder, _ = store(tmp_path / "a")
    reader = ZarrReader(folder, cache_bytes=0)
    reader.read_many([0])
    file = folder / "c" / "0" / "0" / "0"
    before = file.stat()
    file.write_bytes(file.read_bytes() + b"0" if longer else file.read_bytes()[::-1])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))  # within one tick of the clock of the file system
    with pytest.raises(DataError, match=r"c/0/0/0 of .* has changed; open it again"):
        reader.read_many([0])
    (folder / "zarr.json").write_text((folder / "zarr.json").read_text() + " ")
    with pytest.raises(DataError, match=r"its metadata of .* has changed"):
        reader.read_many([1])


def test_a_codec_that_runs_code_is_not_read(tmp_path):
    folder, _ = store(tmp_path / "a", zarr_format=2)
    said = json.loads((folder / ".zarray").read_text())
    (folder / ".zarray").write_text(json.dumps({**said, "compressor": {"id": "pickle"}}))
    with pytest.raises(UnreadableLayoutError, match="got 'pickle'"):
        ZarrReader(folder)


@pytest.mark.parametrize("shards", [None, (4, 5, 8)])
def test_chunks_that_are_not_there_hold_the_fill_value(shards, tmp_path):
    array = zarr.create_array(str(tmp_path), shape=SHAPE, chunks=CHUNKS, dtype="f4", shards=shards, fill_value=np.nan)
    array[:2] = 1.0
    found = whole(tmp_path)
    assert (found[:2] == 1).all()
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize("name", ["blosc", "zstd", "gzip", "plain", "sharded"])
def test_a_truncated_chunk_is_refused_by_name(name, tmp_path):
    folder, _ = store(tmp_path / "a", **STORES[name])
    file = next(p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "zarr.json")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DataError, match=r"(every chunk|a shard|the checksum).*copy or write the store again"):
        whole(folder)


def test_a_flipped_bit_under_a_checksum_is_found(tmp_path):
    folder, _ = store(tmp_path / "a", **STORES["zstd"])
    file = folder / "c" / "0" / "0" / "0"
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    with pytest.raises(DataError, match=r"chunk \(0, 0, 0\).*cannot be decoded"):
        whole(folder)


def test_a_flipped_bit_in_the_index_of_a_shard_is_found(tmp_path):
    folder, _ = store(tmp_path / "a", **STORES["sharded"])
    file = folder / "c" / "0" / "0" / "0"
    raw = bytearray(file.read_bytes())
    raw[-10] ^= 1
    file.write_bytes(raw)
    with pytest.raises(DataError, match=r"checksum of a shard's index"):
        whole(folder)


@pytest.mark.parametrize("access", ACCESS)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_shard_that_changes_or_goes_under_the_reader_is_refused(value, access, tmp_path):
    folder, _ = store(tmp_path / "a", **STORES["sharded"])
    reader, out = ZarrReader(folder, access=access), np.empty(SHAPE, "f4")
    reader.read([slice(None)] * 3, out)
    zarr.open_array(str(folder))[:] = value
    with pytest.raises(DataError, match=r"stays as it is while it is read.*open it again"):
        reader.read([slice(None)] * 3, out)


@pytest.mark.parametrize("access", ACCESS)
@pytest.mark.parametrize("name", ["sharded", "sharded plain"])
def test_a_shard_that_is_cut_short_under_the_reader_is_refused(name, access, tmp_path):
    folder, _ = store(tmp_path / "a", **STORES[name])
    reader = ZarrReader(folder, access=access, cache_bytes=0)
    reader.read_many([0])
    os.truncate(folder / "c/0/0/0", 0)
    with pytest.raises(DataError, match=r"c/0/0/0 of .* has changed; open it again"):
        reader.read_many([0])
    with pytest.raises(DataError, match=r"a shard holds an index of \d+ bytes, but c/0/0/0 of .* has 0 in all"):
        ZarrReader(folder, access=access).read_many([0])


def test_files_that_cannot_be_mapped_are_read(tmp_path, monkeypatch):
    folder, values = store(tmp_path / "a", **STORES["sharded"])

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(local_files.mmap, "mmap", refuse)
    assert np.array_equal(ZarrReader(folder, access="mmap").read_many([3]), values[[3]])
    with pytest.raises(ValueError, match="access 'mmap' or 'pread', got 'map'; choose one of them"):
        ZarrReader(folder, access="map")


def test_a_codec_that_does_not_exist_is_named(tmp_path):
    folder, _ = store(tmp_path / "a", **STORES["blosc"])
    said = json.loads((folder / "zarr.json").read_text())
    said["codecs"][1]["name"] = "snail"
    (folder / "zarr.json").write_text(json.dumps(said))
    with pytest.raises(UnreadableLayoutError, match=r"the codecs blosc, zstd, gzip and crc32c.*got 'snail'"):
        ZarrReader(folder)
