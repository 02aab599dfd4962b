"""What became of every task of a submission: its result file, its log and its run folder."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NO_MEMORY = re.compile(
    r"out.of.memory|oom.kill|exceeded (job |step )?memory limit|OutOfMemoryError|MemoryError|cannot allocate memory",
    re.IGNORECASE,
)
COLUMNS = ("task", "state", "steps", "validation", "seconds", "code")


def summary(folder: Path, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a task: what was chosen, its state, its steps, its lowest validation loss, its seconds and exit code.

    A choice that is called like one of these is told as `recipe.steps`, say.
    """
    named = [{f"recipe.{key}" if key in COLUMNS else key: v for key, v in choices.items()} for choices in tasks]
    return [{"task": number, **choices, **_row(folder, number)} for number, choices in enumerate(named)]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as plain text."""
    columns = [c for c in rows[0] if c not in COLUMNS] if rows else []
    columns = ["task", *columns, *COLUMNS[1:]]
    cells = [columns, *[[_shown(row.get(c)) for c in columns] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def write(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """`summary.csv` of a submission."""
    path = folder / "summary.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def told(folder: Path, number: int) -> dict[str, Any]:
    """What the result file of a task says; nothing where there is none, or where a full disk left half of it."""
    try:
        found = json.loads((folder / "results" / f"{number}.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _row(folder: Path, number: int) -> dict[str, Any]:
    log, result = folder / "logs" / f"{number}.log", told(folder, number)
    steps, validation = _learned(folder / "runs" / str(number))
    code = result.get("code")
    return {
        "state": _state(code, log, steps),
        "steps": steps,
        "validation": validation,
        "seconds": result.get("seconds"),
        "code": code,
    }


def _state(code: int | None, log: Path, steps: int | None) -> str:
    if code == 0:
        return "done"
    text = log.read_text(errors="replace") if log.is_file() else ""
    if code is not None and NO_MEMORY.search(text[-20000:]):
        return "out of memory"
    if code is not None:
        return "killed" if code in (137, -9) else "failed"
    return "waiting" if not text and steps is None else "unfinished"


def _learned(run: Path) -> tuple[int | None, float | None]:
    """Last step and lowest validation loss of a run."""
    log = run / "log.csv"
    rows = list(csv.DictReader(log.read_text().splitlines())) if log.is_file() else []
    losses = [float(row["validation"]) for row in rows if row.get("validation")]
    return (int(rows[-1]["step"]) if rows else None), (min(losses) if losses else None)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
