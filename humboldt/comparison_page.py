"""The page "Which method?", written from the records of a comparison and from nothing else."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .choosing import TRAINABLE, automatic
from .comparison_run import RANDOM
from .comparison_table import summary, table

CLOSE = 1.1  # errors within a tenth of the best one count as near it

HEAD = """# Which method?

<!-- written by humboldt.comparison_page from the records beside this page; `humboldt compare` makes those -->

There are many ways to adapt a model here (`humboldt info methods`). Which one wins depends on the model, on the data
and on how many of them there are; this page says what was measured, and nothing that was not.

{sections}
## How to read it

Where several seeds were run, the brackets hold the lowest and the highest error. CPU and wall seconds are those of a
run; the clock also counts what else the machine did. Memory is what a training step holds beside the weights. Inference
is the CPU time of a prediction over that of the untuned model: what is merged costs nothing. `random` is the control:
full training, as long, from random weights.

{caveats}

## `method="auto"`

{auto}

## Where nothing is built

Two of the published ideas that were looked at carry over nothing that could be built: a lower bound on rounds of
reinforcement learning from batches, and a survey of decision models. Methods that look at a sample as a whole are
refused by cores in which a token sees only what came before it (graphs), and a comparison leaves them out there.
"""

SECTION = """## {title}

{what}

{table}
![error against trained parameters](records/{picture})

{says}
"""


def write_page(records: Path, page: Path) -> Path:
    """Write the page from a file of records, one a line."""
    found = [json.loads(line) for line in records.read_text().splitlines() if line]
    page.write_text(text(found))
    return page


def text(found: Sequence[Mapping[str, Any]]) -> str:
    """The page."""
    return HEAD.format(
        sections="\n".join(section(*group) for group in groups(found).items()), caveats=caveats(found), auto=auto()
    )


def groups(found: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The records by model and name of the data."""
    made: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in found:
        made.setdefault((record["model"], Path(str(record["data"].get("source", "data"))).name), []).append(record)
    return made


def section(of: tuple[str, str], found: Sequence[Mapping[str, Any]]) -> str:
    """What was measured of one model on its data, and what it says."""
    return SECTION.format(
        title=f"{of[0].rpartition('/')[2]} on {of[1]}",
        what=what(found),
        table=table(found),
        says=says(found),
        picture=picture_name(*of),
    )


def picture_name(model: str, data: str) -> str:
    """File of the plot of one model on its data."""
    return f"adaptation-{model.rpartition('/')[2]}-{re.sub(r'[^A-Za-z0-9]+', '-', Path(data).stem)}.png"


def what(found: Sequence[Mapping[str, Any]]) -> str:
    """Model, data and budget, from the records."""
    first = found[0]
    recipe, seeds = first["recipe"], sorted({record["seed"] for record in found})
    source, cpu = Path(str(first["data"].get("source", "data"))).name, sum(record["cpu"] for record in found)
    strengths = sorted({record["strength"] for record in found if record["method"] not in ("full", RANDOM)}) or [1.0]
    metric = first.get("result", {}).get("metric", "mean of the median relative L1")
    opening = first.get("result", {}).get("settings", {}).get("opening")
    opened = f", opened with `{json.dumps(opening)}`" if opening else ""
    return (
        f"`{first['model']}` on `{source}`{opened}; errors: {metric}; {recipe['steps']} steps of batches of "
        f"{recipe['batch_size']}, {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}; "
        f"{cpu:.0f} CPU seconds in all. Full "
        "training takes the optimiser and the rates that the checkpoint advises, where it advises any; every other "
        f"method takes AdamW and its default rates times {' or '.join(f'{s:g}' for s in strengths)}."
    )


def says(found: Sequence[Mapping[str, Any]]) -> str:
    """Per number of samples: the best, the smallest that is near it, and what pretraining is worth."""
    lines, rows = [], [row for row in summary(found) if row["method"] != RANDOM]
    control = {n: e for row in summary(found) if row["method"] == RANDOM for n, e in row["errors"].items()}
    for size in sorted({record["samples"] for record in found}):
        there = {row["method"]: float(np.mean(row["errors"][size])) for row in rows if size in row["errors"]}
        trained = {row["method"]: row["trained"] for row in rows}
        best = min(there, key=lambda name: there[name])
        near = [name for name in there if there[name] <= CLOSE * there[best]]
        small = min(near, key=lambda name: trained[name])
        line = f"- **{size} samples**: `{best}` is best ({there[best]:.3f})"
        if small != best:
            share = trained[small] / trained[best]
            line += f"; `{small}` comes within a tenth of it ({there[small]:.3f}) with {share:.0%} of its numbers"
        worst = max(there, key=lambda name: there[name])
        line += f"; `{worst}` is last ({there[worst]:.3f})"
        if size in control:
            mean = float(np.mean(control[size]))
            below = sorted(name for name in there if there[name] > mean)
            line += f". The random control reaches {mean:.3f}"
            line += f"; {', '.join(f'`{name}`' for name in below)} did worse than it." if below else "; all are better."
        lines.append(line)
    return "\n".join(lines)


def caveats(found: Sequence[Mapping[str, Any]]) -> str:
    """What the numbers do not say."""
    seeds = len({record["seed"] for record in found})
    noise = (
        "One seed was run, so the spread is unknown: take differences below a tenth as a draw."
        if seeds == 1
        else f"{seeds} seeds were run; where brackets overlap, it is a draw."
    )
    if odd := later(found):
        rows = "; ".join(f"{', '.join(f'`{name}`' for name in names)} of {model}" for model, names in odd.items())
        noise += f"\n- Run with other code than the rest of their table: {rows}."
    return (
        f"- {noise}\n- The rates of full training were searched for when the checkpoint was made; those of the other "
        "methods were not. The order of those others is theirs; their distance to full training may be the search.\n"
        "- The run is short. A method that starts slowly looks worse than it is.\n"
        "- Small models, and few data sets. Run `humboldt compare` on your own; it can be stopped and given again."
    )


def later(found: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By name of the model, the methods that were run at another commit than most records of their table."""
    odd: dict[str, list[str]] = {}
    for (model, _), records in groups(found).items():
        commits = [str(record.get("result", {}).get("code_commit")).rstrip("+") for record in records]
        usual = max(commits, key=commits.count)
        if names := sorted({r["method"] for r, commit in zip(records, commits, strict=True) if commit != usual}):
            odd.setdefault(model.rpartition("/")[2], []).extend(names)
    return odd


def auto() -> str:
    """The rule of `auto`, in its own words."""
    words = inspect.getdoc(automatic) or ""
    return f"{words}\n\nSmall enough is at most {TRAINABLE:,} parameters."
