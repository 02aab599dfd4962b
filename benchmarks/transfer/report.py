"""From records to a table and a plot: python benchmarks/transfer/report.py records.jsonl [--over steps].

The errors stand over the number of trajectories, or over the number of steps; the files are called as the records.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from run import read_records

from humboldt.foundations import pyplot
from humboldt.plots import COLOURS, NEUTRAL, save


def table(records: pd.DataFrame, over: str) -> str:
    """Markdown: mean ± deviation over seeds of the error, a column per number of trajectories or steps."""
    lines = []
    for step, here in records.groupby("lead_step"):
        counts = sorted(here[over].unique())
        lines += [f"### {step} frames ahead", "", f"| {over} | " + " | ".join(f"{n}" for n in counts) + " |"]
        lines += ["|---|" + "---:|" * len(counts)]
        for model in ordered(here):
            cells = [cell(here[(here["model"] == model) & (here[over] == n)]["error"]) for n in counts]
            lines.append(f"| {model} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def cell(errors: pd.Series) -> str:
    """Mean ± deviation over seeds (of a sample), or a dash."""
    if errors.empty:
        return "–"
    spread = f" ± {errors.std():.3f}" if len(errors) > 1 else ""
    return f"{errors.mean():.3f}{spread}"


def plot(records: pd.DataFrame, over: str, path: Path) -> Path:
    """Error over trajectories or steps, a panel per lead step, a colour per model; bars span a deviation over seeds."""
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    steps = sorted(records["lead_step"].unique())
    figure, axes = pyplot().subplots(
        1, len(steps), figsize=(4.1 * len(steps) + 0.4, 4.0), squeeze=False, layout="constrained"
    )
    named = ordered(records)
    kinds = list(dict.fromkeys(kind(m) for m in named if m not in NEUTRAL))
    for axis, step in zip(axes[0], steps, strict=True):
        for model in named:
            chosen = records[(records["model"] == model) & (records["lead_step"] == step)]
            here = chosen.groupby(over)["error"]
            mean, spread = here.mean(), here.std().fillna(0)
            if model in NEUTRAL:
                axis.axhline(mean.iloc[0], color=NEUTRAL[model], linestyle="--", label=model)
                continue
            colour, longer = COLOURS[kinds.index(kind(model)) % len(COLOURS)], model != kind(model)
            style = {"linestyle": ":" if longer else "-", "markerfacecolor": "none" if longer else colour}
            axis.errorbar(mean.index, mean, spread, **look(colour), **style, label=model)
        axis.set(xscale="log", yscale="log", xlabel=over, title=f"{step} frames ahead")
        axis.set_xticks(sorted(records[over].unique()))
        for formatted in (axis.xaxis, axis.yaxis):
            formatted.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.yaxis.set_minor_formatter(ScalarFormatter())
        axis.tick_params(axis="y", which="minor", labelsize=8)
        axis.grid(alpha=0.25, which="both")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("median relative L1")
    figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    return save(figure, path)


def kind(model: str) -> str:
    """The name without its budget: a colour each; four times the budget is dotted, with open marks."""
    return model.removesuffix("4x")


def look(colour: str) -> dict[str, Any]:
    """A line with marks and bars."""
    return {"color": colour, "marker": "o", "markersize": 5, "capsize": 2.5}


def ordered(records: pd.DataFrame) -> list[str]:
    """Models in the order in which they appear, persistence last."""
    found = list(dict.fromkeys(records["model"]))
    return sorted(found, key=lambda m: m in NEUTRAL)


def main() -> None:
    """Write a Markdown table (.txt) and a plot (.png), and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--output", type=Path, default=None, help="folder; that of the records by default")
    parser.add_argument("--over", choices=("trajectories", "steps"), default="trajectories")
    options = parser.parse_args()
    folder = options.output or options.records.parent
    records = pd.DataFrame(read_records(options.records))
    folder.mkdir(parents=True, exist_ok=True)
    text, name = table(records, options.over), options.records.stem
    (folder / f"{name}.txt").write_text(text)
    plot(records, options.over, folder / f"{name}.png")
    print(text)


if __name__ == "__main__":
    main()
