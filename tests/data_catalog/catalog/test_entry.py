import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from humboldt.data_catalog import DataError, is_identifier, load_catalog, parse_entry, read_entry, write_entry
from humboldt.data_catalog.catalog.catalog import SHIPPED
from tests.data_catalog.small_entries import TEXT, entry

DICTIONARY = [
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "null",
    "!!set",
    "&a",
    "*a",
    "1e999",
    "-1",
    "\x07",
    "é",
]
LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x300), 0x85, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0x1F600, 0x10FFFF]


def test_an_entry_that_is_written_is_read_the_same(tmp_path):
    path = tmp_path / "weather.small.yaml"
    path.write_text(write_entry(parse_entry(TEXT)))
    assert read_entry(path) == parse_entry(TEXT)


@pytest.mark.parametrize("entry", load_catalog(), ids=lambda entry: entry.id)
def test_every_shipped_entry_is_written_and_read_the_same(entry):
    assert parse_entry(write_entry(entry)) == entry


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("calendar: noleap\n", "", r"a calendar goes with a time dimension, got time 'time' and calendar None"),
        ("time: time, space", "space", r"a calendar goes with a time dimension"),
        ("calendar: noleap", "calendar: no-leap", r"got 'no-leap'; did you mean 'noleap'"),
        (
            "periodic: [longitude]",
            "periodic: [longitud]",
            r"grid.periodic: .* got 'longitud'; did you mean 'longitude'",
        ),
        ("sizes: {latitude", "sizes: {latitud", r"sizes: .* got 'latitud'"),
        ("levels: pressure}", "levels: presure}", r"levels of a variable: .* got 'presure'; did you mean 'pressure'"),
        ("along: time", "along: tim", r"splits.along: .* got 'tim'; did you mean 'time'"),
        ("    u: {mean", "    v: {mean", r"statistics: a name is one of u, orography, got 'v'"),
        ("id: weather.small", "id: wether.small", r"a domain of .* got 'wether.small'; did you mean 'weather'"),
        ("id: weather.small", "id: weather.Small_1", r"id: String should match"),
        ("version: 1.0.0", "version: '1'", r"version: String should match"),
        ("licence: CC-BY-4.0", "licence: CC-BY-4", r"did you mean 'CC-BY-4.0'"),
        ("last: 2001-06-30", "last: 2001-07-02", r"a gap of 10 lies between parts, got 8"),
        ("last: 2001-06-30", "last: 2001-08-02", r"parts are disjoint"),
        ("last: 2001-12-31", "last: 2001-12-32", r"has no 2001-12-32"),
        ("chunking: {time: 1}", "chunking: {time: 0}", r"chunking.time: .*greater than or equal to 1"),
        ("units: m s-1", "units: 'm; s'", r"variables.u.units"),
    ],
)
def test_parts_of_an_entry_fit_each_other(before, after, message):
    assert before in TEXT
    with pytest.raises(DataError, match=message):
        parse_entry(TEXT.replace(before, after, 1))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "files"}, "files are listed in files=, or described by pattern="),
        ({"kind": "files", "files": [{"path": "a"}, {"path": "a"}]}, "a file is listed once"),
        ({"kind": "files", "files": [{"path": "a", "sha256": "12"}]}, "sha256: String should match"),
        ({"kind": "generated", "problem": "x", "seed": -1}, "seed"),
        ({"kind": "zarr", "path": "a.zarr", "manifest": "0"}, "got 'manifest'; did you mean 'manifest_sha256'"),
    ],
)
def test_sources(source, message):
    with pytest.raises(DataError, match=message):
        entry(source=source)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"a text file that can be read"):
        read_entry(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"title: \xe9\xff")
    with pytest.raises(DataError, match=r"latin\.yaml"):
        read_entry(tmp_path / "latin.yaml")


def test_names_of_the_catalog():
    assert is_identifier("pde.burgers2d")
    assert not any(map(is_identifier, ("nowhere.nc", "runs.zarr", "pde.", "pde/burgers", "pde.a.nc")))


def mutated(chance: random.Random) -> str:
    """The text of an entry with some of its pieces taken out, doubled, swapped or replaced."""
    text = chance.choice(TEXTS)
    for _ in range(chance.randint(1, 6)):
        first = chance.randint(0, len(text))
        last = min(len(text), first + chance.randint(0, 30))
        letters = "".join(map(chr, chance.choices(LETTERS, k=chance.randint(0, 8))))
        piece = chance.choice((chance.choice(DICTIONARY), letters, text[first:last] * 2))
        text = text[:first] + piece + text[last:]
    return text


TEXTS = [TEXT, *(text for path in sorted(SHIPPED.glob("*.yaml")) if len(text := path.read_text()) < 3000)]


def only_our_error(text: str) -> None:
    with contextlib.suppress(DataError):
        assert parse_entry(text).id


@given(st.randoms(use_true_random=False))
def test_a_damaged_entry_is_read_or_refused(chance):
    only_our_error(mutated(chance))


@pytest.mark.integration
def test_ten_thousand_damaged_entries_are_read_or_refused():
    for seed in range(10_000):
        text = mutated(random.Random(seed))
        try:
            only_our_error(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {text!r}") from error


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    only_our_error(text)
