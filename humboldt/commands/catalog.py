"""humboldt catalog list | show | search | fetch | verify | stats | add | export"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ..cli import UsageError, make_parser, nearest, option, parse

FACETS = ("domain", "licence", "kind", "variable", "calendar", "grid", "model", "redistribution")


def run(words: Sequence[str]) -> int | None:
    """Find, fetch and check data sets."""
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return None
    if words[0] not in ACTIONS:
        raise UsageError(f"catalog takes {', '.join(ACTIONS)}, got {words[0]!r}{nearest(words[0], ACTIONS)}")
    return ACTIONS[words[0]](words[1:])


def overview() -> str:
    """What `humboldt catalog --help` shows."""
    lines = [f"  {name:8} {(action.__doc__ or '').rstrip('.')}" for name, action in ACTIONS.items()]
    last = "humboldt catalog ACTION --help explains every option."
    return "\n".join(["usage: humboldt catalog ACTION ...", "", "actions:", *lines, "", last])


def list_entries(words: Sequence[str]) -> None:
    """List the data sets of the catalog."""
    parser = make_parser("catalog list", "List data sets.")
    given = parse(_with_facets(parser), words)
    print_rows(given, [])


def search(words: Sequence[str]) -> None:
    """Search data sets by words and facets."""
    parser = make_parser("catalog search", "Search data sets; every word and every facet has to fit.")
    parser.add_argument("words", nargs="*", type=str, help="words of the title, description, variables, keywords")
    given = parse(_with_facets(parser), words)
    print_rows(given, given["words"] or [])


def print_rows(given: dict[str, Any], words: Sequence[str]) -> None:
    """The entries that fit, a line each, or as JSON."""
    from humboldt.data_catalog import is_here, load_catalog

    catalog, facets = load_catalog(), {facet: given[facet] for facet in FACETS}
    found = catalog.search(*words, **facets)
    if given["json"]:
        rows = [{**_row(entry), "here": is_here(entry)} for entry in found]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    width = max((len(entry.id) for entry in found), default=0)
    for entry in found:
        print(
            f"{entry.id:{width}}  {'here' if is_here(entry) else '':4}  {entry.licence or 'unknown':24}  {entry.title}"
        )
    print(f"{len(found)} data sets" + "".join(catalog.nearest(name, value) for name, value in facets.items() if value))


def show(words: Sequence[str]) -> None:
    """Show all that is known of a data set."""
    given = _named("show", "Show an entry.", words)
    entry = _find(given["name"])
    from humboldt.data_catalog import card

    print(entry.model_dump_json(by_alias=True, indent=1) if given["json"] else card(entry, front_matter=False))


def fetch(words: Sequence[str]) -> None:
    """Fetch or generate a data set; resumes, checks, and says where it is."""

    def more(add: Callable[..., Any]) -> None:
        option(add, "dry_run", bool, False, "print what would be fetched and its size; write nothing, ask nobody")
        option(add, "offline", bool, False, "do not ask the network (also HUMBOLDT_OFFLINE=1, HF_HUB_OFFLINE=1)")
        option(add, "cache", str | None, None, "folder of fetched data; $HUMBOLDT_DATA, else the user's cache")
        option(add, "quiet", bool, False, "no progress bars")

    given = _named("fetch", "Fetch a data set.", words, more)
    from humboldt.data_catalog import fetch, home, plan_fetch

    from ..cataloguing import make

    entry = _find(given["name"])
    if given["dry_run"]:
        steps = [vars(step) for step in plan_fetch(entry, given["cache"])]
        folder = str(home(entry, given["cache"]))
        if given["json"]:
            print(json.dumps({"id": entry.id, "folder": folder, "steps": steps}, indent=1))
        else:
            print("\n".join([f"{entry.id} {entry.version} in {folder}", *map(_step_line, steps)]))
        return
    offline = given["offline"] or None
    place = fetch(entry, cache=given["cache"], offline=offline, progress=not given["quiet"], make=make)
    print(json.dumps({"id": entry.id, "path": str(place)}) if given["json"] else place)


def verify(words: Sequence[str]) -> int:
    """Compare a data set with its entry; exit code 1 if anything failed."""
    given = _named("verify", "Recompute checksums, units, calendar, splits, statistics.", words, _cache_option)
    from humboldt.data_catalog import verify

    from ..cataloguing import make

    report = verify(_find(given["name"]), cache=given["cache"], make=make)
    print(json.dumps(report.as_dict(), indent=1) if given["json"] else report)
    return 0 if report.ok else 1


def stats(words: Sequence[str]) -> None:
    """Print the statistics of a data set: as recorded, and of the data if they are here."""

    def more(add: Callable[..., Any]) -> None:
        _cache_option(add)
        option(add, "part", Literal["train", "validation", "test", "all"], "train", "part of the data")

    given = _named("stats", "Statistics of the variables.", words, more)
    from humboldt.data_catalog import is_here, located, open_contents, summarise

    entry, computed = _find(given["name"]), {}
    if is_here(entry, given["cache"]):
        parts = entry.splits.parts if entry.splits else {}
        part = given["part"] if given["part"] in parts else None
        given["part"] = part or "all"
        with open_contents(located(entry, given["cache"])) as data:
            computed = summarise(entry, data, part)
    recorded = entry.statistics.model_dump(mode="json", exclude_defaults=True) if entry.statistics else None
    found = {"id": entry.id, "recorded": recorded, "part": given["part"], "computed": computed}
    print(json.dumps(found, indent=1) if given["json"] else _stats_table(found))


def add(words: Sequence[str]) -> None:
    """Write the entry of a file by inspecting it; asks only for what cannot be known."""
    parser = make_parser("catalog add", "Inspect a file, store or table, and write its entry.")
    parser.add_argument("path", type=str, help="file, Zarr store, table or folder")
    plus = parser.add_argument
    option(plus, "id", str | None, None, "DOMAIN.NAME, such as pde.my-runs")
    option(plus, "title", str | None, None, "one line")
    option(plus, "licence", str | None, None, "SPDX expression, LicenseRef-NAME, or unknown")
    option(plus, "citation", str | None, None, "how to cite it")
    option(plus, "doi", str | None, None, "DOI, such as 10.5281/zenodo.1234")
    option(plus, "calendar", str | None, None, "calendar of CF, where the file does not say it")
    option(plus, "version", str, "1.0.0", "version of the data")
    option(plus, "folder", str | None, None, "folder of entries; the first of $HUMBOLDT_CATALOG")
    option(plus, "json", bool, False, "print JSON")
    given = parse(parser, words)
    from ..cataloguing import add_to_catalog

    as_json = given.pop("json")
    entry, place = add_to_catalog(given.pop("path"), **given)
    print(json.dumps({"id": entry.id, "path": str(place)}) if as_json else f"{entry.id} in {place}")


def export(words: Sequence[str]) -> None:
    """Export an entry as Croissant, STAC or a dataset card, or the catalog as an HTML page."""

    def more(add: Callable[..., Any]) -> None:
        kinds = Literal["croissant", "stac", "card", "html"]
        option(add, "format", kinds, "croissant", "Croissant JSON-LD, STAC item, Markdown card, or HTML page")
        option(add, "output", str | None, None, "file to write; standard output if not given")

    given = _named("export", "Export an entry (`all` with --format html).", words, more)
    from humboldt.data_catalog import export_entry

    if given["format"] == "html":
        from ..catalog_page import write_page

        if given["output"] is None:
            raise UsageError("the page is a folder, got none; add --output FOLDER")
        print(write_page(given["output"], None if given["name"] == "all" else given["name"]))
        return
    text = export_entry(_find(given["name"]), given["format"])
    if given["output"] is None:
        print(text)
    else:
        from pathlib import Path

        place = Path(given["output"])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        print(place)


ACTIONS: dict[str, Callable[[Sequence[str]], int | None]] = {
    "list": list_entries,
    "show": show,
    "search": search,
    "fetch": fetch,
    "verify": verify,
    "stats": stats,
    "add": add,
    "export": export,
}


def _find(name: str) -> Any:
    from humboldt.data_catalog import load_catalog

    return load_catalog().find(name)


def _named(
    action: str, description: str, words: Sequence[str], more: Callable[[Callable[..., Any]], None] | None = None
) -> dict[str, Any]:
    parser = make_parser(f"catalog {action}", description)
    parser.add_argument("name", type=str, help="id of an entry, such as pde.burgers2d")
    if more is not None:
        more(parser.add_argument)
    option(parser.add_argument, "json", bool, False, "print JSON")
    return parse(parser, words)


def _cache_option(add: Callable[..., Any]) -> None:
    option(add, "cache", str | None, None, "folder of fetched data; $HUMBOLDT_DATA, else the user's cache")


def _with_facets(parser: Any) -> Any:
    for facet in FACETS:
        option(parser.add_argument, facet, str | None, None, f"only entries of this {facet}")
    option(parser.add_argument, "json", bool, False, "print JSON")
    return parser


def _row(entry: Any) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in ("id", "version", "title", "domain", "licence", "redistribution")}
    variables = {name: variable.units for name, variable in entry.variables.items()}
    return {**row, "kind": entry.source.kind, "checksum": entry.has_checksum, "variables": variables}


def _step_line(step: dict[str, Any]) -> str:
    size = "size unknown" if step["bytes"] is None else f"{step['bytes'] / 1e6:.1f} MB"
    checked = "" if step["checked"] else ", no checksum"
    return f"  {step['action']:8} {step['name']} ({size}{checked})"


def _stats_table(found: dict[str, Any]) -> str:
    lines = [f"{found['id']}"]
    recorded = found["recorded"] or {}
    for name, moments in recorded.get("variables", {}).items():
        lines.append(f"  {name:24} recorded over {recorded['over']} by {recorded['by']}: {_moments(moments)}")
    for name, moments in found["computed"].items():
        lines.append(f"  {name:24} computed over {found['part']}: {_moments(moments)}")
    return "\n".join(lines if lines[1:] else [*lines, "  no statistics are recorded and the data are not here"])


def _moments(moments: dict[str, Any]) -> str:
    def short(value: Any) -> str:
        return f"{value:.6g}" if isinstance(value, int | float) else f"{len(value)} levels"

    return ", ".join(f"{key} {short(value)}" for key, value in moments.items() if value is not None and value != {})
