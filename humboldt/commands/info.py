"""humboldt info models|methods|tasks [--json]"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """List what there is."""
    parser = make_parser("info", "List embedded models, fine-tuning methods or tasks.")
    parser.add_argument("subject", type=Literal["models", "methods", "tasks"], help="what to list")
    option(parser.add_argument, "json", bool, False, "print JSON")
    given = parse(parser, words)
    rows = {"models": models, "methods": methods, "tasks": tasks}[given["subject"]]()
    if given["json"]:
        print(json.dumps(rows, indent=1))
    else:
        for row in rows:
            print(line(row))


def line(row: dict[str, Any]) -> str:
    """A row as text; of a method its kind, what it trains and how much, whether it merges, what it needs and is for."""
    if "kind" not in row:
        return f"{row['name']:24} {row['about']}"
    merges = "merges" if row["mergeable"] else "stays"
    needs = "gradients" if row["gradients"] else "no gradients"
    count = row.get("parameters")
    size = "options first" if count is None else f"{count:,}"
    return (
        f"{row['name']:14} {row['kind']:10} {merges:7} {needs:12} {size:>13} {row['trains']:42} {row['works_on']:28} "
        f"{row['about']}  [{row['source']}]"
    )


def models() -> list[dict[str, Any]]:
    """The embedded models."""
    import humboldt.domains.pretrained as shelf

    rows = []
    for path in sorted(path for place in shelf.__path__ for path in Path(place).glob("*/config.json")):
        domain = json.loads(path.read_text())["domain"]
        rows.append({"name": f"humboldt/{path.parent.name}", "domain": domain, "about": f"embedded, {domain}"})
    return rows


def methods() -> list[dict[str, Any]]:
    """The fine-tuning methods with what they train, of the embedded operator, their options and defaults."""
    from humboldt.finetune import table

    from ..pretrained import from_pretrained

    return table(from_pretrained("humboldt/pde-nano"))


def tasks() -> list[dict[str, Any]]:
    """The tasks of each domain."""
    return [
        {"name": "forecast", "domain": "pde", "about": "pde: the state after a lead time"},
        {"name": "error", "domain": "pde", "about": "pde: how wrong the forecast will be, place by place"},
        {"name": "forecast", "domain": "biodiversity", "about": "biodiversity: the next month of every variable"},
        {"name": "generation", "domain": "graphs", "about": "graphs: what comes next in a sequence"},
        {"name": "forecast", "domain": "weather", "about": "weather: the state after a lead time"},
        {"name": "reconstruction", "domain": "weather", "about": "weather: what is hidden of the state"},
    ]
