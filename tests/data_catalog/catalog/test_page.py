from html.parser import HTMLParser

from humboldt.data_catalog import load_catalog, page
from tests.data_catalog.small_entries import entry

VOID = {"meta", "img", "input"}


class Balanced(HTMLParser):
    """Refuses tags that are not closed in order, and collects identifiers and pictures."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.images = [], [], []

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        self.names += [said["id"]] if "id" in said else []
        self.images += [said["src"]] if tag == "img" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text):
    reader = Balanced()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_every_entry_has_a_card_and_known_pictures_are_shown():
    found = read(page(load_catalog(), {"pde.burgers2d": "pictures/burgers.png"}))
    assert sorted(found.names) == sorted(entry.id.replace(".", "-") for entry in load_catalog())
    assert found.images == ["pictures/burgers.png"]


def test_what_an_entry_says_is_text_and_no_markup():
    text = page([entry(title="<script>alert(1)</script>", description='"&')], {})
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
    read(text)
