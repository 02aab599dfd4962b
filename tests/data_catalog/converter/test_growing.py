"""A growing result: its journal survives a torn line, its place is found by one process at a time."""

import pytest

from humboldt.data_catalog.converter.growing import Growing, Journal
from humboldt.data_catalog.converter.grows import differences


def test_a_torn_line_is_not_written(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.read() == {}
    journal.add({"a": 1, "b": {"bytes": 2}})
    with journal.path.open("ab") as file:
        file.write(b'{"key": "c", "va')
    assert journal.read() == {"a": 1, "b": {"bytes": 2}}
    journal.add({"d": 3})
    assert journal.read() == {"a": 1, "b": {"bytes": 2}, "d": 3}
    journal.path.write_bytes(b'{"key": ')
    journal.add({"e": 4})
    assert journal.read() == {"e": 4}


def test_the_same_plan_goes_on_and_another_is_refused(tmp_path):
    one = Growing(output=tmp_path / "a", plan={"n": 1})
    with one.begun(False) as goes_on:
        assert not goes_on
        one.note("plan.json", one.plan)
        (one.partial / "store").mkdir()
        with pytest.raises(FileExistsError, match="one process at a time writes a result, but another one is writing"):
            one.begun(False).__enter__()
    with one.begun(False) as goes_on:
        assert goes_on
    other = Growing(output=tmp_path / "a", plan={"n": 2})
    with pytest.raises(FileExistsError, match=r"same arguments only, got .*\(n: 1 before, 2 now\); repeat those"):
        other.begun(False).__enter__()
    with other.begun(True) as goes_on:
        assert not goes_on
        assert not other.store.exists()


def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError, match=r"in a folder that can be written, got .*read-only\); choose another"):
        Growing(output=tmp_path / "a").begun(False).__enter__()
    tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == []


def test_differences_are_short():
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": "x" * 99}).startswith(" (b: 2 before, 3 now; c: None")
