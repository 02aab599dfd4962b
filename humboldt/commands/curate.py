"""humboldt curate DATA --output kept.yaml"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Score the training part, say what is dropped, write the list."""
    parser = make_parser(
        "curate",
        "Score every trajectory, state or molecule of the training part, and list those within thresholds. It is used "
        "with --opening '{curated: kept.yaml}' of finetune and others, or humboldt.open(..., curated='kept.yaml').",
    )
    parser.add_argument("data", type=str, help="file, store, or a name of the catalog; it has a part to train on")
    add = parser.add_argument
    option(add, "output", str | None, None, "file of the list, YAML")
    option(add, "domain", str | None, None, "science of the data; that of the catalog's entry, else pde")
    option(add, "opening", dict[str, Any] | None, None, "how data are opened, such as '{periodic: true}'")
    text = "values that are kept, '{change: [0.01, null]}'; see the defaults in what is printed; '{}' keeps all"
    option(add, "thresholds", dict[str, Any] | None, None, text)
    option(add, "looks", int, 16, "samples of a trajectory that are looked at")
    option(add, "dry_run", bool, False, "print what would be read; write nothing")
    given = parse(parser, words)
    if given["output"] is None and not given["dry_run"]:
        raise UsageError("a list of kept samples goes to a file, got none; add --output kept.yaml, or --dry-run")
    from ..curating import THRESHOLDS, curate
    from ..opening import open as open_data

    data = open_data(given["data"], domain=given["domain"], **(given["opening"] or {}))
    if given["dry_run"]:
        train, looks = data.split("train"), given["looks"]
        about = f"{train.units} units of the training part ({len(train)} samples)"
        print(f"{about}; at most {looks} samples of each are read")
        print(f"thresholds: {given['thresholds'] if given['thresholds'] is not None else THRESHOLDS}")
        return
    found = curate(data, thresholds=given["thresholds"], looks=given["looks"])
    print(table(found))
    print(f"{len(found.kept)} of {found.units} units are kept: {found.save(given['output'])}")


def table(found: Any) -> str:
    """A row a score: its quantiles, its bounds, and how many units it drops."""
    levels, dropped = (0, 0.05, 0.5, 0.95, 1), found.dropped()
    lines = ["".join(f"{word:>12}" for word in ("", *(f"{level:.0%}" for level in levels), "from", "to", "drops"))]
    for name, row in found.scores.items():
        known = [value for value in row if value is not None]
        shown = [f"{v:.4g}" for v in np.quantile(known, levels)] if known else ["-"] * len(levels)
        low, high = found.thresholds.get(name, (None, None))
        ends = ["-" if end is None else f"{end:g}" for end in (low, high)]
        lines.append("".join(f"{word:>12}" for word in (name, *shown, *ends, dropped.get(name, 0))))
    return "\n".join(lines)
