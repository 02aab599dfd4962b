"""The records of a comparison as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NUMBERS = {
    "CPU s": ("cpu", "{:.0f}"),
    "wall s": ("seconds", "{:.0f}"),
    "memory MB": ("memory", "{:.0f}"),
    "inference": ("inference", "{:.2f}"),
}
"""Columns of the table, each with a key of `summary` and its form."""


def summary(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a method: trained parameters, and per number of samples the mean error over seeds and its range."""
    rows = []
    for method in dict.fromkeys(record["method"] for record in found):
        mine = [record for record in found if record["method"] == method]
        errors = {
            n: [r["error"] for r in mine if r["samples"] == n] for n in sorted({record["samples"] for record in mine})
        }
        rows.append({
            "method": method,
            "trained": mine[0]["trained"],
            "errors": errors,
            "cpu": float(np.mean([r["cpu"] for r in mine])),
            "seconds": float(np.mean([r.get("seconds", np.nan) for r in mine])),
            "memory": float(np.mean([r.get("memory", np.nan) for r in mine])),
            "inference": float(np.median([r.get("inference", np.nan) for r in mine])),
            "merged": mine[0]["merged"],
        })  # fmt: skip
    return sorted(rows, key=lambda row: float(np.mean([np.mean(e) for e in row["errors"].values()])))


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """The summary as a Markdown table, best method first."""
    sizes = sorted({record["samples"] for record in found})
    head = ["method", "trained", *(f"error, {n} samples" for n in sizes), *NUMBERS, "merged"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in summary(found):
        cells = [row["method"], f"{row['trained']:,}"]
        cells += [spread(row["errors"].get(n, [])) for n in sizes]
        cells += [known(row[name], form) for name, form in NUMBERS.values()]
        cells.append("yes" if row["merged"] else "no")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def known(value: float, form: str) -> str:
    """A number in a form, a dash for none."""
    return form.format(value) if np.isfinite(value) else "-"


def spread(errors: Sequence[float]) -> str:
    """Mean, and in brackets the lowest and highest seed."""
    if not errors:
        return "-"
    if len(errors) == 1:
        return f"{errors[0]:.3f} (1 seed)"
    return f"{np.mean(errors):.3f} [{min(errors):.3f}, {max(errors):.3f}]"
