import io
import os
import stat
import tarfile
import zipfile

import pytest

from humboldt.data_catalog import DataError
from humboldt.data_catalog.catalog.archives import unpack
from humboldt.data_catalog.catalog.cache import unpacked


def zipped(path, members, links=()):
    with zipfile.ZipFile(path, "w") as file:
        for name in members:
            file.writestr(name, b"data")
        for name in links:
            link = zipfile.ZipInfo(name)
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            file.writestr(link, "/etc/passwd")
    return path


def tarred(path, members, links=()):
    with tarfile.open(path, "w:gz") as file:
        for name in members:
            member = tarfile.TarInfo(name)
            member.size = 4
            file.addfile(member, io.BytesIO(b"data"))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            file.addfile(member)
    return path


MAKERS = [(zipped, "a.zip"), (tarred, "a.tar.gz")]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_members_are_there_when_all_of_them_are(tmp_path, make, name):
    archive = make(tmp_path / name, ["one.tif", "below/two.tif"])
    folder = unpack(archive, unpacked(archive))
    assert folder == tmp_path / "a"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.tif")) == ["below/two.tif", "one.tif"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", name]


@pytest.mark.parametrize(("make", "name"), MAKERS)
@pytest.mark.parametrize("member", ["../out.tif", "/tmp/out.tif", "a/../../out.tif", "C:\\out.tif"])
def test_nothing_leaves_the_folder(tmp_path, make, name, member):
    (tmp_path / "in").mkdir()
    archive = make(tmp_path / "in" / name, ["one.tif", member])
    with pytest.raises(DataError, match=r"members of an archive are plain files below it, got .*nothing was unpacked"):
        unpack(archive, unpacked(archive))
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(["in", name])


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_links_are_refused(tmp_path, make, name):
    archive = make(tmp_path / name, [], links=["link"])
    with pytest.raises(DataError, match=r"got 'link' in"):
        unpack(archive, unpacked(archive))


def test_more_than_the_disk_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("humboldt.data_catalog.catalog.cache.free_bytes", lambda folder: 3)
    archive = zipped(tmp_path / "a.zip", ["one.tif"])
    with pytest.raises(OSError, match=r"a.zip needs 4 bytes, available 3 bytes"):
        unpack(archive, unpacked(archive))
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: b"plain text"])
def test_no_archive_and_broken_ones(tmp_path, damage):
    archive = tarred(tmp_path / "a.tar.gz", ["one.tif" * 9])
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(DataError, match=r"an archive is ZIP or TAR|a broken archive"):
        unpack(archive, unpacked(archive))
    assert os.listdir(tmp_path) == ["a.tar.gz"]
