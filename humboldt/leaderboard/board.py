"""The pages: one table of all records that sorts and filters itself, one page a record, one plot a question."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from humboldt.foundations import ConfigError, to_dict

from ..pairing import rivals
from ..results import Result, digest, write_results
from .smells import Reach, Smell, find_smells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
COLUMNS = ("protocol", "data", "model", "method", "samples", "seed", "value", "metric", "unit", "date")
NUMBERS = frozenset({"samples", "seed", "value"})
MARK = "leaderboard.jsonl"


def build_leaderboard(
    results: Sequence[Result],
    output: str | Path,
    *,
    title: str = "Leaderboard",
    links_from: str | Path = ".",
    now: datetime | None = None,
    reach: Reach | None = None,
) -> list[Smell]:
    """Write the pages into a folder, which works from a disk as from a server; returns what smells.

    The folder holds `index.html`, `results/KEY.html`, `plots/KEY.svg` (with matplotlib) and the records. It is built
    beside and put in place whole; a folder that is no leaderboard is left alone.

    Args:
        results: one or more records.
        output: folder of the pages.
        title: of the page.
        links_from: the folder from which relative links of records lead.
        now, reach: as in `find_smells`.

    Raises:
        ConfigError: no records, or a folder that holds something else.
    """
    output = Path(output)
    if not results:
        raise ConfigError("a leaderboard shows one record or more, got none; measure something first")
    if output.exists() and any(output.iterdir()) and not (output / MARK).is_file():
        raise ConfigError(f"{output} holds something that is no leaderboard; name another --output")
    smells = find_smells(results, folder=links_from, now=now, reach=reach)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".leaderboard-", dir=output.parent) as scratch:
        aside = Path(scratch) / "new"
        write_results(aside / MARK, results)
        _write_pages(aside, results, smells, title, now or datetime.now(UTC))
        if output.exists():
            os.replace(output, Path(scratch) / "old")
        os.replace(aside, output)
    return smells


def _write_pages(folder: Path, results: Sequence[Result], smells: Sequence[Smell], title: str, now: datetime) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    for name in ("board.css", "board.js"):
        shutil.copyfile(HERE / "templates" / name, folder / name)
    plots = _write_plots(folder, results)
    said: dict[str, list[Smell]] = {r.key: [s for s in smells if r.key in s.keys] for r in results}
    common = {"title": title, "built": now.date().isoformat()}
    (folder / "index.html").write_text(
        pages.get_template("index.html").render(
            **common,
            columns=COLUMNS,
            numbers=NUMBERS,
            rows=[(r.key, r.control, [_cell(r, c) for c in COLUMNS], len(said[r.key])) for r in results],
            choices={c: sorted({str(getattr(r, c)) for r in results}) for c in ("protocol", "data", "model")},
            smells=smells,
            plots=plots,
        )
    )
    (folder / "results").mkdir()
    for result in results:
        fields = [(name, value) for name, value in to_dict(result).items() if name not in ("settings", "scores")]
        page = pages.get_template("result.html").render(
            **common,
            key=result.key,
            result=result,
            fields=fields,
            settings=sorted(result.settings.items()),
            smells=said[result.key],
            rivals=rivals(result, results),
            plot=next((name for name, _, keys in plots if result.key in keys), None),
        )
        (folder / "results" / f"{result.key}.html").write_text(page)


def _cell(result: Result, column: str) -> tuple[str, str]:
    """What a cell shows, and by what it is sorted."""
    value = getattr(result, column)
    if column == "value":
        return f"{value:.4g}", repr(float(value))
    if column == "date":
        return (str(value or "")[:10], str(value or ""))
    return ("" if value is None else str(value),) * 2


def _write_plots(folder: Path, results: Sequence[Result]) -> list[tuple[str, str, set[str]]]:
    """A plot for every question (protocol, data, metric): its file, its title, the records in it."""
    from humboldt.foundations import MissingMatplotlibError

    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.protocol, result.data, result.metric), []).append(result)
    found: list[tuple[str, str, set[str]]] = []
    (folder / "plots").mkdir()
    for question, group in groups.items():
        path = folder / "plots" / f"{digest(question)[:12]}.svg"
        try:
            figure = picture(group)
        except MissingMatplotlibError:
            return []
        figure.savefig(path, metadata={"Date": None})
        found.append((path.name, f"{question[0]}: {question[1]}", {r.key for r in group}))
    return found


def picture(group: Sequence[Result]) -> Figure:
    """A row a method (and number of samples), best first: a dot for every record, a bar for the mean; controls grey."""
    from ..plots import NEUTRAL, pyplot

    rows: dict[tuple[str, bool], list[float]] = {}
    for result in group:
        samples = "" if result.samples is None else f", {result.samples} samples"
        extra = result.settings.get("corruption", "")
        label = f"{result.method}{' (random)' if result.control else ''}{samples}{f', {extra}' if extra else ''}"
        rows.setdefault((label, result.control), []).append(result.value)
    sign = 1 if group[0].better == "lower" else -1
    ordered = sorted(rows, key=lambda row: -sign * sum(rows[row]) / len(rows[row]))
    figure, axis = pyplot().subplots(figsize=(7.5, 0.9 + 0.28 * len(ordered)), layout="constrained")
    for place, row in enumerate(ordered):
        colour: Any = NEUTRAL["persistence"] if row[1] else "#0072B2"
        axis.plot(rows[row], [place] * len(rows[row]), "o", color=colour, markersize=5, alpha=0.7)
        axis.plot(sum(rows[row]) / len(rows[row]), place, "|", color=colour, markersize=14)
    axis.set_yticks(range(len(ordered)), [label for label, _ in ordered], fontsize=8)
    axis.set_ylim(-0.6, len(ordered) - 0.4)
    axis.set_xlabel(f"{group[0].metric} [{group[0].unit or '?'}]", fontsize=8)
    axis.grid(axis="x", alpha=0.3)
    return figure
