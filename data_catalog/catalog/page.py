"""The catalog as one static HTML page: a card an entry, with a filter, and pictures where there are some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from .entry import DOMAINS, Entry
from .sources import Generated, Remote

HEADINGS = dict(zip(DOMAINS, ("Differential equations", "Weather and climate", "Biodiversity", "Graphs"), strict=True))
STYLE = """
.catalog input { width: 100%; padding: .5em; margin-bottom: 1em; font: inherit; }
.catalog .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
.catalog article { border: 1px solid #8886; border-radius: .5rem; padding: .8rem; overflow-wrap: anywhere; }
.catalog .top { display: flex; gap: .8rem; }
.catalog .tile { flex: 0 0 6rem; height: 6rem; border-radius: .3rem; object-fit: cover; image-rendering: pixelated; }
.catalog span.tile { display: flex; align-items: center; justify-content: center; text-align: center;
  background: #8882; font-size: .75rem; padding: .2rem; box-sizing: border-box; }
.catalog h3 { margin: 0 0 .2rem; font-size: 1rem; }
.catalog p { margin: .4rem 0; font-size: .85rem; }
.catalog .facts { color: #777; }
.catalog code { font-size: .8rem; }
"""
SCRIPT = """
document.querySelector('.catalog input').addEventListener('input', event => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const card of document.querySelectorAll('.catalog article'))
    card.hidden = !words.every(word => card.textContent.toLowerCase().includes(word));
});
"""


def page(entries: Iterable[Entry], images: Mapping[str, str]) -> str:
    """A page that stands alone; `images` are addresses of pictures by id."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Data catalog</title>'
    body = (
        f'<body style="font-family: sans-serif; margin: 2rem"><h1>Data catalog</h1>{fragment(entries, images)}</body>'
    )
    return f'<!doctype html><html lang="en"><head>{head}</head>{body}</html>\n'


def fragment(entries: Iterable[Entry], images: Mapping[str, str]) -> str:
    """The cards by domain, for a page that has its own head."""
    ordered = sorted(entries, key=lambda entry: (entry.id not in images, entry.id))
    parts = []
    for domain, heading in HEADINGS.items():
        cards = "".join(_card(entry, images.get(entry.id)) for entry in ordered if entry.domain == domain)
        parts += [f'<h2>{heading}</h2><div class="cards">{cards}</div>'] if cards else []
    search = '<input type="search" placeholder="words, such as: wind CC-BY-4.0" aria-label="filter the data sets">'
    return f'<style>{STYLE}</style><div class="catalog">{search}{"".join(parts)}</div><script>{SCRIPT}</script>'


def _card(entry: Entry, image: str | None) -> str:
    tile = (
        f'<img class="tile" src="{escape(image)}" alt="a picture of {escape(entry.title)}" loading="lazy">'
        if image
        else f'<span class="tile">{escape(_shape(entry))}</span>'
    )
    facts = [entry.licence or "licence unknown", _origin(entry), f"redistribution {entry.redistribution}"]
    facts += [f"used by {', '.join(entry.used_by)}"] if entry.used_by else []
    shown = list(entry.variables.items())[:8]
    variables = ", ".join(f"{name} [{variable.units}]" if variable.units else name for name, variable in shown)
    more = f" and {len(entry.variables) - len(shown)} more" if len(entry.variables) > len(shown) else ""
    return (
        f'<article id="{escape(entry.id.replace(".", "-"))}"><div class="top">{tile}<div>'
        f"<h3>{escape(entry.title)}</h3><code>{escape(entry.id)}</code> {escape(entry.version)}</div></div>"
        f"<p>{escape(entry.description)}</p><p>{escape(variables + more)}</p>"
        f'<p class="facts">{escape(" · ".join(facts))}</p></article>'
    )


def _shape(entry: Entry) -> str:
    sizes = " × ".join(str(entry.sizes[name]) for name in entry.dims.space if name in entry.sizes)
    return sizes or (entry.grid.type.replace("_", " ") if entry.grid else "table")


def _origin(entry: Entry) -> str:
    if isinstance(entry.source, Generated):
        return "generated from a seed"
    if isinstance(entry.source, Remote):
        return "read in place, no checksum"
    return f"{entry.source.kind}, {'checksum' if entry.has_checksum else 'no checksum'}"
