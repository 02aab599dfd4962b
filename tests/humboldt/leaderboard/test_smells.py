from dataclasses import replace

import pytest

from humboldt.leaderboard import SMELLS, find_smells
from tests.humboldt.leaderboard.made import NOW, PLAIN, clean

BROKEN = {
    "missing provenance": (replace(PLAIN, seed=9, model_sha256=None, hardware=""), "no model_sha256, hardware;"),
    "stale": (replace(PLAIN, seed=9, date="2024-01-01"), "measured 1063 days ago"),
    "duplicate": (replace(PLAIN, seed=1, value=0.3), "2 records of one run (0.26, 0.3)"),
    "dead link": (replace(PLAIN, seed=9, link="runs/none.html"), "runs/none.html is not there"),
    "unit mismatch": (replace(PLAIN, seed=9, unit="K"), "relative L1 comes in 1, K"),
    "unequal budgets": (replace(PLAIN, seed=9, steps=600), "trained for 60, 600 steps"),
    "another split": (replace(PLAIN, seed=9, split_sha256="d" * 64), "2 different splits of burgers.nc"),
    "no control": (replace(PLAIN, data="other.nc"), "relative L1 on other.nc has no random control"),
}


def test_every_smell_has_a_record_that_has_it():
    assert BROKEN.keys() == SMELLS.keys()


def test_clean_records_do_not_smell():
    assert find_smells(clean(), now=NOW) == []


@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_record_smells_of_that_and_of_nothing_else(kind, tmp_path):
    record, said = BROKEN[kind]
    (smell,) = find_smells([*clean(), record], folder=tmp_path, now=NOW)
    assert smell.kind == kind
    assert said in smell.message
    assert record.key in smell.keys


def test_code_that_is_in_no_commit_and_dates_that_are_none():
    (changed,) = find_smells([*clean(), replace(PLAIN, seed=9, code_commit="abc+")], now=NOW)
    assert (changed.kind, changed.keys) == ("missing provenance", (replace(PLAIN, seed=9, code_commit="abc+").key,))
    (odd,) = find_smells([*clean(), replace(PLAIN, seed=9, date="yesterday")], now=NOW)
    assert odd.kind == "stale"
    assert "ISO 8601" in odd.message


def test_links_are_followed_in_the_folder_and_urls_only_when_asked(tmp_path):
    (tmp_path / "page.html").write_text("here")
    local = replace(PLAIN, seed=9, link="page.html#results")
    remote = replace(PLAIN, seed=8, link="https://example.org/none")
    assert find_smells([*clean(), local, remote], folder=tmp_path, now=NOW) == []
    asked: list[str] = []

    def reach(url: str) -> bool:
        asked.append(url)
        return False

    found = find_smells([*clean(), remote], folder=tmp_path, now=NOW, reach=reach)
    assert [smell.kind for smell in found] == ["dead link"]
    assert asked == ["https://example.org/none"]
