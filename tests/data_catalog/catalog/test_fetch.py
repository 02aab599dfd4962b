import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from humboldt.data_catalog import (
    DataError,
    fetch,
    home,
    is_here,
    load_catalog,
    located,
    manifest_digest,
    plan_fetch,
    write_entry,
)
from tests.data_catalog.catalog.test_archives import zipped
from tests.data_catalog.file_server import FileServer
from tests.data_catalog.small_entries import entry

CONTENT = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CHILD = """
import sys
from humboldt.data_catalog import fetch, read_entry
print(fetch(read_entry(sys.argv[1]), cache=sys.argv[2], progress=False))
"""


@pytest.fixture
def server():
    with FileServer() as server:
        server.files["a.bin"] = CONTENT
        yield server
        server.shutdown()


def served(server, *, sha256=SHA256, **choices):
    file = {"path": "below/a.bin", "url": server.url("a.bin"), "sha256": sha256, "bytes": len(CONTENT), **choices}
    return entry(source={"kind": "files", "files": [file]})


def test_what_is_fetched_lies_under_id_and_version(server, tmp_path):
    one = served(server)
    assert not is_here(one, tmp_path)
    place = fetch(one, cache=tmp_path, progress=False)
    assert place == tmp_path / "pde.small" / "1.0.0" / "below" / "a.bin" == located(one, tmp_path)
    assert Path(place).read_bytes() == CONTENT
    asked = len(server.asked)
    assert fetch(one, cache=tmp_path, progress=False, offline=True) == place
    assert len(server.asked) == asked


def test_the_cache_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HUMBOLDT_DATA", str(tmp_path / "mine"))
    assert home(entry()) == tmp_path / "mine" / "pde.small" / "1.0.0"
    monkeypatch.delenv("HUMBOLDT_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    assert home(entry()).is_relative_to(tmp_path / "theirs" / "humboldt")


def test_a_dry_run_asks_nobody_and_writes_nothing(server, tmp_path):
    (step,) = plan_fetch(served(server), tmp_path)
    assert (step.name, step.action, step.bytes, step.checked) == ("below/a.bin", "fetch", 300_000, True)
    assert server.asked == []
    assert list(tmp_path.iterdir()) == []
    fetch(served(server), cache=tmp_path, progress=False)
    assert plan_fetch(served(server), tmp_path)[0].action == "there"


@pytest.fixture
def no_sockets(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.mark.parametrize("variable", ["HUMBOLDT_OFFLINE", "HF_HUB_OFFLINE", None])
def test_offline_never_opens_a_socket(no_sockets, monkeypatch, tmp_path, variable):
    if variable:
        monkeypatch.setenv(variable, "1")
    one = entry(source={"kind": "files", "files": [{"path": "a.nc", "url": "https://example.org/a.nc"}]})
    with pytest.raises(
        DataError, match=r"not on this machine and the network must not be asked, got no a\.nc in .*copy"
    ):
        fetch(one, cache=tmp_path, offline=None if variable else True)
    assert list(tmp_path.iterdir()) == []


def test_planning_and_describing_the_whole_catalog_opens_no_socket(no_sockets, tmp_path):
    for one in load_catalog():
        assert plan_fetch(one, tmp_path)
        if one.source.kind == "remote":
            assert fetch(one, cache=tmp_path) == one.source.url


def test_what_has_no_address_is_got_by_hand(tmp_path):
    one = entry(source={"kind": "files", "files": [{"path": "a.nc"}], "access": "ask her"})
    with pytest.raises(DataError, match=r"has to be got by hand \(ask her\), got no a\.nc in .*pde\.small/1\.0\.0"):
        fetch(one, cache=tmp_path)
    (home(one, tmp_path)).mkdir(parents=True)
    (home(one, tmp_path) / "a.nc").touch()
    assert fetch(one, cache=tmp_path) == home(one, tmp_path) / "a.nc"


def test_files_of_a_pattern_are_the_folder(tmp_path):
    one = entry(source={"kind": "files", "pattern": "MERRA2_sfc_*.nc", "access": "a login"})
    with pytest.raises(DataError, match=r"by hand .a login., got no MERRA2_sfc"):
        fetch(one, cache=tmp_path)
    home(one, tmp_path).mkdir(parents=True)
    (home(one, tmp_path) / ".lock").touch()
    assert not is_here(one, tmp_path)
    (home(one, tmp_path) / "MERRA2_sfc_20200101.nc").touch()
    assert fetch(one, cache=tmp_path) == home(one, tmp_path)


def test_no_room(server, tmp_path, monkeypatch):
    monkeypatch.setattr("humboldt.data_catalog.catalog.cache.free_bytes", lambda folder: 299_999)
    with pytest.raises(OSError, match=r"pde.small needs 300000 bytes, available 299999 .*HUMBOLDT_DATA"):
        fetch(served(server), cache=tmp_path, progress=False)
    assert server.asked == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written(server, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"set HUMBOLDT_DATA"):
        fetch(served(server), cache=tmp_path, progress=False)


def test_a_place_where_no_folder_can_be(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        PermissionError, match=r"a folder that can be written, got .*file/pde\.small.*set HUMBOLDT_DATA"
    ):
        fetch(served(server), cache=tmp_path / "file", progress=False)


def test_archives_are_unpacked(server, tmp_path):
    archive = zipped(tmp_path / "a.zip", ["one.tif"])
    server.files["a.bin"] = archive.read_bytes()
    one = served(server, sha256=None, path="maps.zip", unpack=True, bytes=None)
    place = fetch(one, cache=tmp_path, progress=False)
    assert [path.name for path in Path(place).iterdir()] == ["one.tif"]


def test_a_store_is_copied_and_its_manifest_checked(tmp_path):
    group = zarr.create_group(tmp_path / "source.zarr")
    group.create_array("u", data=np.arange(8.0), chunks=(2,))
    source = {"kind": "zarr", "path": "u.zarr", "url": (tmp_path / "source.zarr").as_uri()}
    digest = manifest_digest(tmp_path / "source.zarr")
    one = entry(source={**source, "manifest_sha256": digest})
    place = Path(fetch(one, cache=tmp_path / "cache", progress=False))
    assert manifest_digest(place) == digest
    assert sorted(path.name for path in place.parent.iterdir()) == [".lock", "u.zarr"]
    other = entry(version="2.0.0", source={**source, "manifest_sha256": "0" * 64})
    with pytest.raises(DataError, match=r"the manifest of u.zarr has the SHA-256 0+, got"):
        fetch(other, cache=tmp_path / "cache", progress=False)
    assert not is_here(other, tmp_path / "cache")


def test_generated_sets_are_made_once_and_checked(tmp_path):
    made = []

    def make(one, folder):
        made.append(one.source.seed)
        np.savez(folder / "a.npz", u=np.arange(one.source.seed))

    one = entry(source={"kind": "generated", "problem": "p", "seed": 3})
    assert fetch(one, cache=tmp_path, make=make) == fetch(one, cache=tmp_path) == home(one, tmp_path) / "made" / "a.npz"
    assert made == [3]
    pinned = entry(version="2.0.0", source={"kind": "generated", "problem": "p", "seed": 3, "values_sha256": "0" * 64})
    with pytest.raises(
        DataError, match=r"reproducible to the bit: SHA-256 of its values 0+, got [0-9a-f]+; the generator"
    ):
        fetch(pinned, cache=tmp_path, make=make)
    assert not is_here(pinned, tmp_path)
    with pytest.raises(DataError, match=r"got nothing that makes it; open it through humboldt.open"):
        fetch(pinned, cache=tmp_path)


@pytest.mark.integration
def test_processes_that_fetch_at_once_ask_once(server, tmp_path):
    server.pause = 0.01
    path = tmp_path / "entry.yaml"
    path.write_text(write_entry(served(server)))
    command = [sys.executable, "-c", CHILD, path, tmp_path / "cache"]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    ended = [process.communicate() for process in children]
    assert [process.returncode for process in children] == [0] * 4, ended
    assert server.asked == [("a.bin", None)]
    assert Path(ended[0][0].decode().strip()).read_bytes() == CONTENT


KILLER = """
import os, random, signal, sys, time
import requests
from humboldt.data_catalog import fetch, located, read_entry
entry, cache, content = read_entry(sys.argv[1]), sys.argv[2], open(sys.argv[3], "rb").read()
target, killed, resumed, random = located(entry, cache), 0, 0, random.Random(0)
while killed < 30:
    child = os.fork()
    if not child:
        fetch(entry, cache=cache, progress=False)
        os._exit(0)
    time.sleep(random.uniform(0.0, 0.4))
    os.kill(child, signal.SIGKILL)
    killed += os.waitpid(child, 0)[1] == signal.SIGKILL
    partial = target.with_name(f".{target.name}.partial")
    resumed += partial.exists() and 0 < partial.stat().st_size < len(content)
    if target.exists():
        assert target.read_bytes() == content
        target.unlink()
fetch(entry, cache=cache, progress=False)
assert target.read_bytes() == content
print(killed, resumed)
"""


@pytest.mark.integration
def test_a_kill_at_any_moment_leaves_nothing_that_is_not_true(server, tmp_path):
    """Thirty kills at random instants of lock, transfer, check and rename; each run goes on from the one before."""
    path, cache, content = tmp_path / "entry.yaml", tmp_path / "cache", tmp_path / "content"
    path.write_text(write_entry(served(server)))
    content.write_bytes(CONTENT)
    server.pause = 0.01
    done = subprocess.run([sys.executable, "-c", KILLER, path, cache, content], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    killed, resumed = map(int, done.stdout.split())
    assert killed == 30
    assert resumed > 5
    assert [p.name for p in (cache / "pde.small" / "1.0.0" / "below").iterdir()] == ["a.bin"]
    assert any(asked for _, asked in server.asked)
