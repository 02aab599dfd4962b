import errno
import hashlib

import fsspec
import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.data_catalog.catalog import download as module
from humboldt.data_catalog.catalog.download import download
from tests.data_catalog.file_server import FileServer

CONTENT = np.random.default_rng(0).bytes(200_000)
CHECKSUM = ("sha256", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("humboldt.data_catalog.catalog.download.PAUSE", 0.0)
    with FileServer() as server:
        server.files["a.bin"] = CONTENT
        yield server
        server.shutdown()


def fetched(server, folder, **choices):
    return download(server.url("a.bin"), folder / "a.bin", progress=False, **choices).read_bytes()


def test_a_file_is_there_whole_and_nothing_beside_it(server, tmp_path):
    assert fetched(server, tmp_path, checksum=CHECKSUM) == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("checksum", [CHECKSUM, ("md5", hashlib.md5(CONTENT).hexdigest()), None])
def test_a_cut_is_continued_where_it_was(server, tmp_path, checksum):
    server.cut = [65_536, 49_152]
    assert fetched(server, tmp_path, checksum=checksum) == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=65536-", "bytes=114688-"]


def test_a_later_call_continues_an_earlier_one(server, tmp_path):
    server.cut = [65_536] + [0] * 4
    with pytest.raises(OSError, match=r"broke off .*; 65536 bytes are kept") as caught:
        fetched(server, tmp_path, checksum=CHECKSUM)
    assert caught.value.errno == errno.EIO
    assert not (tmp_path / "a.bin").exists()
    assert fetched(server, tmp_path, checksum=CHECKSUM) == CONTENT
    assert server.asked[-1] == ("a.bin", "bytes=65536-")


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.ranges, server.cut = False, [70_000]
    assert fetched(server, tmp_path, checksum=CHECKSUM) == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path):
    server.cut = [65_536] + [0] * 4
    with pytest.raises(OSError, match=r"broke off"):
        fetched(server, tmp_path)
    server.files["a.bin"] = CONTENT[::-1]
    assert fetched(server, tmp_path) == CONTENT[::-1]


@pytest.mark.parametrize("old", [b"another version" * 20_000, b"short", CONTENT])
def test_remains_of_another_version_do_no_harm(server, tmp_path, old):
    (tmp_path / ".a.bin.partial").write_bytes(old)
    assert fetched(server, tmp_path, checksum=CHECKSUM) == CONTENT


def test_another_checksum_leaves_nothing(server, tmp_path):
    with pytest.raises(
        DataError, match=r"the checksum of a\.bin is sha256 0+, got [0-9a-f]{64} from http.*nothing was"
    ):
        fetched(server, tmp_path, checksum=("sha256", "0" * 64))
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".tag")] == []


@pytest.mark.parametrize(("status", "message"), [(404, "got 404"), (403, "got 403 .*needs a login")])
def test_answers_that_are_no_data(server, tmp_path, status, message):
    server.statuses = [status]
    with pytest.raises(DataError, match=message):
        fetched(server, tmp_path)
    assert not (tmp_path / "a.bin").exists()


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503, 429, 200]
    assert fetched(server, tmp_path, checksum=CHECKSUM) == CONTENT


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("humboldt.data_catalog.catalog.download.PAUSE", 0.0)
    with pytest.raises(OSError, match=r"broke off .ConnectionError.; 0 bytes are kept"):
        download("http://127.0.0.1:9/a.bin", tmp_path / "a.bin", progress=False)


def test_a_full_disk_keeps_what_has_come(server, tmp_path, monkeypatch):
    real = module._appending

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, piece):
            if self.file.tell() >= 60_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(piece[:60_000])

    from contextlib import contextmanager

    @contextmanager
    def full(*arguments):
        with real(*arguments) as (file, bar):
            yield Full(file), bar

    monkeypatch.setattr(module, "PIECE", 20_000)
    monkeypatch.setattr(module, "_appending", full)
    with pytest.raises(OSError, match=r"the disk became full; what has come is kept") as caught:
        fetched(server, tmp_path, checksum=CHECKSUM)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.setattr(module, "_appending", real)
    assert fetched(server, tmp_path, checksum=CHECKSUM) == CONTENT
    assert server.asked[-1][1] == "bytes=60000-"


def test_other_file_systems(tmp_path):
    with fsspec.open("memory://folder/a.bin", "wb") as file:
        file.write(CONTENT)
    download("memory://folder/a.bin", tmp_path / "a.bin", checksum=CHECKSUM, progress=False)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    (tmp_path / ".b.bin.partial").write_bytes(CONTENT[:1000])
    download((tmp_path / "a.bin").as_uri(), tmp_path / "b.bin", checksum=CHECKSUM, progress=False)
    assert (tmp_path / "b.bin").read_bytes() == CONTENT
    with pytest.raises(DataError, match=r"got nothing at memory://folder/b"):
        download("memory://folder/b", tmp_path / "c", progress=False)
    with pytest.raises(ImportError, match=r"a file system that is not installed"):
        download("nothing-like-that://x/y", tmp_path / "c", progress=False)
