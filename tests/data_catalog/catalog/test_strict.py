import pytest

from humboldt.data_catalog import DataError, parse_entry
from tests.data_catalog.small_entries import TEXT


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("version: 1.0.0", "versoin: 1.0.0", r"got 'versoin'; did you mean 'version'"),
        ("role: static", "rolle: static", r"variables\.orography: .*got 'rolle'; did you mean 'role'"),
        ("role: static", "role: sttic", r"variables\.orography\.role: .*got 'sttic'; did you mean 'static'"),
        ("kind: files", "kind: fils", r"source: .*'generated', 'files', 'zarr', 'remote'"),
        ("title: A small field\n", "", r"title: Field required"),
        (
            "title: A small field",
            "title: A small field\ntitle: Again",
            r"a key stands once in a mapping, got 'title' twice",
        ),
        ("title: A small field", "title: &name Small\ndescription: *name", r"no aliases, got \*name"),
        ("schema: 1", "schema: 2", r"schema: Input should be 1"),
        ("mean: 1.0", "mean: .nan", r"mean"),
        ("a.nc, url", "../a.nc, url", r"a path lies below its folder.*'\.\./a\.nc'"),
        ("a.nc, url", "/etc/a.nc, url", r"a path lies below its folder"),
        ("https://example.org/a.nc", "example.org/a.nc", r"an address begins with its scheme"),
        ("10.5281/zenodo.1", "doi:10.5281", r"citation\.doi"),
    ],
)
def test_each_fault_has_its_place_and_a_cure(before, after, message):
    assert before in TEXT
    with pytest.raises(DataError, match=f"(?s)the entry.*{message}"):
        parse_entry(TEXT.replace(before, after, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested at most 12 deep"),
        ("a: " * 3 + "[", "not a YAML file"),
        ("- 1", "one mapping of keys to values, got list"),
        ("", "got NoneType"),
        ("? {a: 1}\n: 2", "not a YAML file"),
        ("a: !!python/object/apply:os.getpid []", "not a YAML file"),
        ("a: '" + "x" * 2**20 + "'", "at most 1048576 characters"),
        ("a: \x00", "not a YAML file"),
        ("id: 2001-13-99", "title: Field required"),
    ],
)
def test_texts_that_are_no_entry(text, message):
    with pytest.raises(DataError, match=message):
        parse_entry(text)


def test_dates_stay_text():
    parsed = parse_entry(
        TEXT.replace("noleap", "360_day").replace("2001-06-30", "2001-02-30").replace("12-31", "12-30")
    )
    assert parsed.splits is not None
    assert parsed.splits.train is not None
    assert parsed.splits.train.last == "2001-02-30"
