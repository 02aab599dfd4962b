import pytest

from humboldt.data_catalog import DataError, load_catalog
from humboldt.data_catalog.catalog.catalog import SHIPPED
from humboldt.data_catalog.catalog.ledger import check_ledger, extend_ledger, promise, read_ledger
from tests.data_catalog.small_entries import entry


def with_checksum(digit, version="1.0.0"):
    return entry(version=version, source={"kind": "files", "files": [{"path": "a", "sha256": digit * 64}]})


def test_shipped_entries_promise_what_they_promised():
    check_ledger(load_catalog(SHIPPED), read_ledger())


def test_a_changed_checksum_needs_a_new_version():
    ledger = extend_ledger([with_checksum("0")], {})
    with pytest.raises(DataError, match=r"a changed checksum needs a new version, got other checksums of pde\.small"):
        check_ledger([with_checksum("1")], ledger)
    with pytest.raises(DataError, match=r"in the ledger, got pde\.small 1\.1\.0"):
        check_ledger([with_checksum("1", "1.1.0")], ledger)
    grown = extend_ledger([with_checksum("1", "1.1.0")], ledger)
    check_ledger([with_checksum("0"), with_checksum("1", "1.1.0")], grown)


def test_what_was_promised_is_never_overwritten():
    ledger = extend_ledger([with_checksum("0")], {})
    assert extend_ledger([with_checksum("1")], ledger) == ledger


def test_a_recipe_is_a_promise_and_nothing_known_is_none():
    made = [
        entry(source={"kind": "generated", "problem": "p", "seed": seed, "parameters": {"n": n}})
        for seed, n in ((0, 1), (1, 1), (0, 2))
    ]
    assert len({promise(one) for one in made}) == 3
    assert promise(entry()) is None
