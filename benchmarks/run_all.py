"""Ask every question of this folder, keep the answers in `benchmarks/records/`, write the page `docs/benchmarks.md`.

A question is a file `<question>.py [--quick] --json FILE` that writes rows of case, ours, peer, peer_name, unit, ratio.
The ratio is our cost over the peer's, so below 1 is better. Files that begin with an underscore are not asked.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


class Row(TypedDict):
    """One comparison; `ours` and `peer` are in `unit`."""

    case: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float


def questions(folder: Path) -> list[Path]:
    """The files of a folder that answer a question."""
    return sorted(path for path in folder.glob("*.py") if path.name != "run_all.py" and path.name[0] != "_")


def check(rows: object, question: str) -> list[Row]:
    """Refuse rows that lack a column or whose ratio is not ours over the peer's."""
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{question}: a question answers with at least one row, and this one gave {rows!r:.80}")
    for row in rows:
        if set(row) != set(Row.__annotations__):
            raise ValueError(f"{question}: a row has the columns {[*Row.__annotations__]}, and this one has {[*row]}")
        if not math.isclose(row["ratio"], row["ours"] / row["peer"], rel_tol=0.01):
            raise ValueError(f"{question}, {row['case']}: the ratio is ours / peer, and {row['ratio']} is not")
    return rows


def ask(question: Path, record: Path, *, quick: bool) -> list[Row]:
    """Run one question in its own process; its record is read back and checked."""
    record.parent.mkdir(exist_ok=True)
    command = [sys.executable, str(question), *(["--quick"] if quick else []), "--json", str(record)]
    subprocess.run(command, check=True, cwd=HERE.parent)
    return check(json.loads(record.read_text()), question.stem)


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table."""
    head = "| case | ours | peer | unit | peer is | ours / peer |\n|---|--:|--:|---|---|--:|\n"
    line = "| {case} | {ours:.3g} | {peer:.3g} | {unit} | {peer_name} | {ratio:.2f} |\n"
    return head + "".join(line.format(**row) for row in rows)


def page(answers: Mapping[str, Sequence[Row]], *, quick: bool) -> str:
    """The page: how it was made, on what, and a table for each question."""
    software = f"Python {platform.python_version()}, torch {version('torch')}"
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {software}"
    made = f"Made by `make bench` ({'quick' if quick else 'full'} runs) on {time.strftime('%d %B %Y')}: {machine}."
    sections = [f"## {name}\n\n`python benchmarks/{name}.py`\n\n{table(rows)}" for name, rows in answers.items()]
    reading = "The last column is our cost over the peer's in the same run: below 1 is better."
    return "\n".join(["# Benchmarks\n", f"{made} {reading}\n", *sections])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Run every benchmark and rewrite docs/benchmarks.md.")
    parser.add_argument("--full", action="store_true", help="run at full length (default: quick, under ten minutes)")
    quick = not parser.parse_args(arguments).full
    answers = {}
    for question in questions(HERE):
        print(f"benchmarks/{question.name}", flush=True)
        answers[question.stem] = ask(question, HERE / "records" / f"{question.stem}.json", quick=quick)
    if not answers:
        sys.exit("no question to ask: benchmarks/ holds no file but run_all.py")
    PAGE.write_text(page(answers, quick=quick), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
