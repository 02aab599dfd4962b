"""No header makes the decoder allocate more than a chunk takes, or leave a part of a chunk as it was."""

import gzip
import struct
import tracemalloc
import zlib

import numcodecs
import numpy as np
import pytest

from humboldt.data_catalog.reader import zstd_frames
from humboldt.data_catalog.reader.decoding import FAULTS, decode, steps, unshuffled, zstd_size

VALUES = np.random.default_rng(0).normal(size=1000).astype("f4")
CONFIGURATIONS = [
    [numcodecs.Blosc("lz4", 5, 1)],
    [numcodecs.Zstd(3, True)],
    [numcodecs.LZ4()],
    [numcodecs.Shuffle(4), numcodecs.GZip(1)],
    [numcodecs.Delta("f4"), numcodecs.LZMA(), numcodecs.CRC32C()],
]


def encoded(codecs, values=VALUES):
    for codec in codecs:
        values = codec.encode(values)
    return bytes(np.ascontiguousarray(values).view(np.uint8)) if isinstance(values, np.ndarray) else bytes(values)


def undo(codecs, size=VALUES.nbytes):
    return steps([codec.get_config() for codec in codecs], size, VALUES.dtype)


@pytest.mark.parametrize("codecs", CONFIGURATIONS, ids=str)
def test_what_was_encoded_is_decoded_into_given_memory(codecs):
    out = np.full(1000, np.nan, "f4")
    decode(np.frombuffer(encoded(codecs), np.uint8), undo(codecs), out)
    np.testing.assert_allclose(out, VALUES, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("codecs", CONFIGURATIONS, ids=str)
@pytest.mark.parametrize("size", [500, 2000])
def test_chunks_of_another_size_are_refused(codecs, size):
    with pytest.raises(FAULTS):
        decode(encoded(codecs), undo(codecs, 4 * size), np.empty(size, "f4"))


def bombs():
    nothing = bytes(2**27)
    frame = b"\x28\xb5\x2f\xfd\x00\x58"  # a Zstandard frame that does not say how much it holds: 1000 blocks of 128 KiB
    block = [((131072 << 3) | 2 | last).to_bytes(3, "little") + b"A" for last in (0, 1)]
    return {
        "gzip": (numcodecs.GZip(), gzip.compress(nothing, 1)),
        "zlib": (numcodecs.Zlib(), zlib.compress(nothing)),
        "zstd": (numcodecs.Zstd(), numcodecs.Zstd().encode(nothing)),
        "zstd blocks": (numcodecs.Zstd(), frame + block[0] * 1000 + block[1]),
        "lz4": (numcodecs.LZ4(), struct.pack("<I", 2**31 - 1) + b"abc" * 9),
        "blosc": (numcodecs.Blosc(), struct.pack("<BBBBIII", 2, 1, 1, 4, 2**31 - 1, 2**20, 19) + b"abc"),
    }


@pytest.mark.parametrize("name", ["gzip", "zlib", "zstd", "zstd blocks", "lz4", "blosc"])
def test_a_small_chunk_that_would_become_large_is_refused_in_little_memory(name):
    codec, raw = bombs()[name]
    out = np.empty(1000, "f4")
    plan = undo([codec])
    tracemalloc.start()
    with pytest.raises(FAULTS):
        decode(raw, plan, out)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("kept", [True, False], ids=["zstandard", "numcodecs"])
def test_both_decoders_of_zstandard_frames_give_the_same_and_find_the_same_faults(kept, monkeypatch):
    if not kept:
        monkeypatch.setattr(zstd_frames, "zstandard", None)
    codec = numcodecs.Zstd(3, True)
    raw, out, plan = encoded([codec]), np.empty(1000, "f4"), undo([codec])
    decode(raw, plan, out)
    assert np.array_equal(out, VALUES)
    flipped = raw[:40] + bytes([raw[40] ^ 4]) + raw[41:]
    for broken in (raw[:-1], raw[:-20], raw[:-1] + bytes([raw[-1] ^ 1]), flipped, raw + b"more"):
        with pytest.raises(FAULTS):
            decode(broken, plan, out)


def test_a_frame_that_does_not_say_its_size_is_read():
    block = ((4000 << 3) | 2 | 1).to_bytes(3, "little") + b"A"
    raw = b"\x28\xb5\x2f\xfd\x00\x58" + block
    assert zstd_size(raw) is None
    out = np.zeros(1000, "f4")
    decode(raw, undo([numcodecs.Zstd()]), out)
    assert out.tobytes() == b"A" * 4000


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 16])
@pytest.mark.parametrize("count", [1, 20, 1000])
def test_the_byte_shuffle_is_undone(width, count):
    raw = np.random.default_rng(0).integers(0, 256, width * count, dtype=np.uint8)
    expected = raw.reshape(width, count).T.reshape(-1)
    assert np.array_equal(unshuffled(raw, width, None), expected)
