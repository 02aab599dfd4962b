"""The dataset card of an entry, in Markdown with the front matter that model hubs read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from .entry import Entry
from .parts import Splits
from .sources import Files, Generated, Remote, ZarrStore


def card(entry: Entry, *, front_matter: bool = True) -> str:
    """All that is known of an entry, for reading; what is not known is called unknown, never left out."""
    sections = [
        ("What it is", _about(entry)),
        ("Licence and citation", _terms(entry)),
        ("Where it comes from", _source(entry)),
        ("Grid and dimensions", _grid(entry)),
        ("Variables", _variables(entry)),
        ("Splits", _splits(entry.splits)),
        ("Statistics", _statistics(entry)),
        ("Missing values", [_missing(entry)]),
        ("Notes", [f"- {note}" for note in entry.notes] or ["none"]),
    ]
    text = [f"# {entry.title}", "", *(line for title, lines in sections for line in ("", f"## {title}", "", *lines))]
    return "\n".join([*(_front_matter(entry) if front_matter else []), *text]) + "\n"


def _front_matter(entry: Entry) -> list[str]:
    data = {
        "pretty_name": entry.title,
        "license": (entry.licence or "unknown").lower(),
        "tags": [entry.domain, *entry.keywords],
        "humboldt": {"id": entry.id, "version": entry.version},
    }
    return ["---", yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]


def _about(entry: Entry) -> list[str]:
    known = {
        "id": f"`{entry.id}`",
        "version": entry.version,
        "domain": entry.domain,
        "keywords": ", ".join(entry.keywords) or "none",
        "used by": ", ".join(entry.used_by) or "none that is recorded",
    }
    return [entry.description or entry.title, "", *(f"- {name}: {value}" for name, value in known.items())]


def _terms(entry: Entry) -> list[str]:
    citation = entry.citation
    doi = f" https://doi.org/{citation.doi}" if citation.doi else ""
    return [
        f"- licence: {entry.licence or 'unknown'}",
        f"- redistribution: {entry.redistribution}",
        f"- cite: {citation.text}{doi or (f' {citation.url}' if citation.url else '')}",
    ]


def _source(entry: Entry) -> Iterator[str]:
    source = entry.source
    if isinstance(source, Generated):
        said = ", ".join(f"{name} {value}" for name, value in source.parameters.items())
        yield f"Generated here by `{source.problem}` with the seed {source.seed} ({said or 'no parameters'})."
        yield f"SHA-256 of the values: {source.values_sha256 or 'not pinned; made again and compared by `verify`'}."
    elif isinstance(source, Remote):
        yield f"Read in place as {source.layout} at `{source.url}`; no checksum is published."
    elif isinstance(source, ZarrStore):
        yield f"Zarr store `{source.path}`{f' at {source.url}' if source.url else ''}."
        yield f"SHA-256 of its manifest: {source.manifest_sha256 or 'unknown'}."
    elif isinstance(source, Files):
        if source.files:
            rows = (
                [f.path, f.url or "by hand", _size(f.bytes), " ".join(f.checksum or ("unknown",))] for f in source.files
            )
            yield from table(["file", "address", "size", "checksum"], rows)
        if source.pattern:
            yield f"Files: `{source.pattern}`."
        if source.access:
            yield f"How to get them: {source.access}."


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:.1f} MB"


def _grid(entry: Entry) -> Iterator[str]:
    dims = ", ".join(f"{name} ({entry.sizes.get(name, 'size unknown')})" for name in entry.dims.names)
    yield f"- dimensions: {dims or 'none'}"
    yield f"- calendar: {entry.calendar or 'no time'}"
    if entry.grid:
        grid = entry.grid
        yield f"- grid: {grid.type}, periodic: {', '.join(grid.periodic) or 'no axis'}, crs: {grid.crs or 'none'}"
        for axis, (first, last) in grid.extent.items():
            yield f"- {axis}: {first:g} to {last:g} {grid.units or ''}".rstrip()
    for name, levels in entry.levels.items():
        yield f"- levels `{name}` [{levels.units}]: {' '.join(f'{value:g}' for value in levels.values)}"
    yield f"- chunks: {', '.join(f'{n} along {dim}' for dim, n in entry.chunking.items()) or 'unknown'}"


def _variables(entry: Entry) -> Iterator[str]:
    rows = (
        [
            name,
            v.units or ("text" if v.kind != "number" else "unknown"),
            v.standard_name or "",
            v.role,
            v.levels or "",
            v.long_name or "",
        ]
        for name, v in entry.variables.items()
    )
    return table(["name", "units", "standard name", "role", "levels", "meaning"], rows)


def _splits(splits: Splits | None) -> Iterator[str]:
    if splits is None:
        yield "none"
        return
    checked = "checked to be disjoint" if splits.is_checkable else "what is published does not let this be checked"
    yield f"Along `{splits.along}`, gap {splits.gap:g}; {checked}."
    yield ""
    yield from table(["part", "labels"], ([name, part.describe()] for name, part in splits.parts.items()))
    if splits.note:
        yield ""
        yield splits.note


def _statistics(entry: Entry) -> Iterator[str]:
    if entry.statistics is None:
        yield "none are recorded"
        return
    yield f"Over {entry.statistics.over}, by {entry.statistics.by}."
    yield ""
    rows = (
        [name, _brief(m.mean), _brief(m.std), _brief(m.min), _brief(m.max)]
        for name, m in entry.statistics.variables.items()
    )
    yield from table(["variable", "mean", "std", "min", "max"], rows)


def _brief(value: float | tuple[float, ...] | None) -> str:
    if value is None:
        return ""
    return f"{len(value)} levels" if isinstance(value, tuple) else f"{value:.6g}"


def _missing(entry: Entry) -> str:
    missing = entry.missing
    fill = ", ".join(f"{name} = {value:g}" for name, value in missing.fill.items())
    return (
        f"policy: {missing.policy}"
        + (f" ({fill})" if fill else "")
        + (f"; dates that lack: {', '.join(missing.dates)}" if missing.dates else "")
    )


def table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
