"""From records to tables and curves: python benchmarks/pde_suite/report.py docs/experiments/records/pde_suite.jsonl

Writes a Markdown table (.txt) and a plot (.png) beside the records, and prints the table. The gains are against the FNO
with the largest number of trajectories at which it was run, a table for each such number; errors are means over seeds.
Models may differ in their budgets, the records of one model may not: those of another budget are a file of their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from neighbours import read_records

from humboldt.domains.pde import accuracy_gain, efficiency_gain
from humboldt.plots import COLOURS, NEUTRAL, pyplot, save

REFERENCE = "fno"
TWINS = {"pde-nano": "scratch", "pde-nano-fine": "scratch-fine"}
CHOICES = ("steps", "pairs", "resolution", "pretrained")
COLUMNS = 5
BOUNDS = (
    "EG is 0 where the model was never as good. `<` says that it was not with the fewer trajectories that it was run "
    "on; it counts as 0 in the median."
)


def main() -> None:
    """Write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    options = parser.parse_args()
    records = pd.DataFrame(read_records(options.records))
    refuse_mixed(records)
    tables = [gains(records), against_twin(records), errors(records), longer(records)]
    text = "\n\n".join(tables) + "\n"
    options.records.with_suffix(".txt").write_text(text)
    plot(records, options.records.with_suffix(".png"))
    print(text)


def refuse_mixed(records: pd.DataFrame) -> None:
    """A curve is of one budget, one choice of pairs, one grid and one set of weights."""
    for name in CHOICES:
        found = {model: sorted(set(here[name])) for model, here in records.groupby("model", sort=False)}
        mixed = {model: values for model, values in found.items() if len(values) > 1}
        if mixed:
            raise ValueError(
                f"records of a model differ in family, trajectories and seed alone, got {name} {mixed}; "
                "keep the others in a file of their own"
            )


def curve(records: pd.DataFrame, family: str, model: str) -> dict[int, float]:
    """{trajectories: mean error over seeds} of a model on a family."""
    here = records[(records["family"] == family) & (records["model"] == model)]
    found: pd.Series = here.groupby("trajectories")["error"].mean()
    return {int(count): float(error) for count, error in found.items()}  # type: ignore[call-overload]


def gains(records: pd.DataFrame) -> str:
    """EG and AG of every model but the reference, a table for each number of trajectories that the FNO ends with."""
    reference = records[records["model"] == REFERENCE].groupby("family")["trajectories"]
    tables = [gains_at(records, int(most)) for most in sorted(set(reference.max()))]
    return "\n\n".join(["### Gains over the FNO", BOUNDS, *tables])


def gains_at(records: pd.DataFrame, most: int) -> str:
    """Gains on the families where the FNO was run on so many trajectories, their median and mean."""
    records = records[records["trajectories"] <= most]
    models = [m for m in dict.fromkeys(records["model"]) if m != REFERENCE]
    rows, found = [], {model: [] for model in models}  # type: ignore[var-annotated]
    for family in dict.fromkeys(records["family"]):
        reference, cells = curve(records, family, REFERENCE), []
        if most not in reference:
            continue
        for model in models:
            own = curve(records, family, model)
            if own:
                accuracy = accuracy_gain(own, reference, most) if most in own else np.nan
                found[model].append((efficiency_gain(own, reference, most), accuracy))
            cells.append(gain(found[model][-1], most / max(own)) if own else "–")
        rows.append([family, str(most), f"{reference[most]:.4f}", *cells])
    summary = [gain(middle(found[model])) if found[model] else "–" for model in models]
    rows.append(["**median EG / mean AG**", "", "", *summary])
    return markdown(["family", "trajectories", "error of the FNO", *(f"{m}: EG / AG" for m in models)], rows)


def gain(pair: tuple[float, float], least: float = 1.0) -> str:
    """EG / AG, without AG where the model was not run with as many trajectories as the FNO.

    Args:
        pair: EG, 0 where the model was never as good; AG, NaN where it is not known.
        least: EG if the model were as good with the most trajectories that it was run on: one that was not, and could
            be with more, has less than that.
    """
    efficiency, accuracy = pair
    said = f"< {least:.1f}" if efficiency == 0 and least > 1 else f"{efficiency:.1f}"
    return f"{said} / " + ("–" if np.isnan(accuracy) else f"{accuracy:.2f}")


def middle(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Median of the efficiency gains (those below a bound count as 0), mean of the accuracy gains that are known."""
    efficiency, accuracy = np.array(pairs).T
    known = accuracy[~np.isnan(accuracy)]
    return float(np.median(efficiency)), float(known.mean()) if len(known) else np.nan


def against_twin(records: pd.DataFrame) -> str:
    """At how many of the places where both were run a pretrained model is better than its random twin."""
    lines = []
    for model, twin in TWINS.items():
        counted = better = 0
        for family in dict.fromkeys(records["family"]):
            tuned, random = curve(records, family, model), curve(records, family, twin)
            shared = set(tuned) & set(random)
            counted, better = counted + len(shared), better + sum(tuned[n] < random[n] for n in shared)
        if counted:
            lines.append(f"{model} is better than its random twin at {better} of {counted} (family, trajectories).")
    return "\n".join(lines)


def errors(records: pd.DataFrame) -> str:
    """Mean ± deviation over seeds of the errors, a column per number of trajectories."""
    counts = sorted(set(records["trajectories"]))
    rows = []
    for (family, model), here in records.groupby(["family", "model"], sort=False):
        cells = [cell(here[here["trajectories"] == n]["error"]) for n in counts]
        rows.append([str(family), str(model), *cells])
    for family, here in records.groupby("family", sort=False):
        rows.append([str(family), "persistence", *[f"{here['persistence'].iloc[0]:.4f}"] * len(counts)])
    order = list(dict.fromkeys(records["family"]))
    rows.sort(key=lambda row: order.index(row[0]))
    return "\n\n".join(["### Errors", markdown(["family", "model", *map(str, counts)], rows)])


def cell(found: pd.Series) -> str:
    """Mean ± deviation over seeds (of a sample), or a dash."""
    if found.empty:
        return "–"
    return f"{found.mean():.4f}" + (f" ± {found.std():.4f}" if len(found) > 1 else "")


def longer(records: pd.DataFrame) -> str:
    """Errors beyond the horizon, growth over three horizons, and costs, at the largest number of trajectories."""
    most = records[records["trajectories"] == records.groupby("family")["trajectories"].transform("max")]
    rows = []
    for (family, model), here in most.groupby(["family", "model"], sort=False):
        values = [here[name].astype(float).mean() for name in ("longer", "growth")]
        cells = [f"{value:.3g}" if np.isfinite(value) or value > 0 else "–" for value in values]
        cost = [f"{here['steps'].iloc[0]}", f"{here['cpu_seconds'].mean():.0f}", f"{here['parameters'].iloc[0]:,}"]
        rows.append([str(family), str(model), *cells, *cost])
    head = ["family", "model", "error beyond", "growth over 3 horizons", "steps", "CPU s", "parameters"]
    return "\n\n".join(["### Beyond the horizon, and what it cost", markdown(head, rows)])


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def plot(records: pd.DataFrame, path: Path) -> Path:
    """Error over trajectories, a panel per family, a colour per model."""
    named, models = list(dict.fromkeys(records["family"])), list(dict.fromkeys(records["model"]))
    columns = min(COLUMNS, len(named))
    rows = -(-len(named) // columns)
    figure, axes = pyplot().subplots(
        rows, columns, figsize=(2.9 * columns + 1.4, 2.6 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(named) :]:
        axis.set_axis_off()
    for axis, family in zip(axes.flat, named, strict=False):
        here = records[records["family"] == family]
        axis.axhline(here["persistence"].iloc[0], color=NEUTRAL["persistence"], linestyle="--", label="persistence")
        for colour, model in zip(COLOURS, models, strict=False):
            seeds = here[here["model"] == model].groupby("trajectories")["error"]
            mean, spread = seeds.mean(), seeds.std().fillna(0)
            axis.errorbar(mean.index, mean, spread, color=colour, marker="o", markersize=4, capsize=2, label=model)
        axis.set(xscale="log", yscale="log", title=family)
        axis.grid(alpha=0.25, which="both")
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("trajectories", fontsize=10)
    figure.supylabel("median relative L1", fontsize=10)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    return save(figure, path)


if __name__ == "__main__":
    main()
