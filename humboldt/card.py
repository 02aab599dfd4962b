"""The card of a model, generated from the record of its run: every section says something, or there is no card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from humboldt.foundations import Model, to_dict

MOST_ROWS = 60  # of the table of scores
MODEL = "model"  # what the scores of the model itself are called
CHECKS = ("spectral_error", "conservation_error", "negative_share")  # scores that say whether a prediction is physical


class CardError(ValueError):
    """A card that would have an empty section; the message says what is missing and where it comes from."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a card is made from, beside the model.

    Attributes:
        repository: `owner/name`.
        licence: of the weights.
        sources: SPDX expression of each data set and model that the weights were made from.
        scores: what `evaluate` wrote as `scores.json`.
        environment: what a run wrote as `environment.json`.
        checks: physical checks in words, beside those among the scores.
        limits: known failures in words, beside what the record tells.
        citations: how to cite the data, a line each.
    """

    repository: str
    licence: str
    sources: Mapping[str, str | None]
    scores: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    checks: str = ""
    limits: str = ""
    citations: Sequence[str] = ()


def card(model: Model, facts: Facts) -> str:
    """The text of `README.md`: front matter with `eval_results`, and a section for all that a user has to know.

    Raises:
        CardError: a section would be empty.
        ImportError: `huggingface_hub` is not installed; names the extra.
    """
    sections = {
        "Use": _use(facts),
        "Input and output": _variables(model),
        "Data": _data(model, facts),
        "Recipe": _recipe(model),
        "Scores": _scores(facts.scores),
        "Physical checks": _checks(facts),
        "Limits": _limits(model, facts),
        "Compute and energy": _energy(model, facts),
        "Licence": _licence(facts),
        "Citation": "\n".join(facts.citations) or "Cite the data above by their own pages, and Humboldt.",
    }
    for title, text in sections.items():
        if not text.strip():
            raise CardError(f"a card has no empty section, but nothing is known for {title!r}: {CURES[title]}")
    count = sum(p.numel() for p in model.parameters())
    head = f"# {facts.repository}\n\nA {model.domain} model of {count:,} parameters, made with Humboldt."
    body = "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in sections.items())
    return f"---\n{_front_matter(model, facts)}---\n\n{head}\n\n{body}\n"


CURES = {
    "Use": "give the repository a name",
    "Input and output": "train on data whose variables are named",
    "Data": "push a model that a run made (finetune or pretrain)",
    "Recipe": "push a model that a run made (finetune or pretrain)",
    "Scores": "score it beside a baseline (humboldt evaluate MODEL DATA --output RUN) and say run=RUN",
    "Physical checks": "say checks='what was looked at, and what came out'",
    "Limits": "say limits='...'",
    "Compute and energy": "push a model that a run made (finetune or pretrain)",
    "Licence": "say licence='...'",
}


def _front_matter(model: Model, facts: Facts) -> str:
    try:
        from huggingface_hub import ModelCardData
    except ImportError as error:
        raise ImportError('model cards need huggingface_hub: pip install "humboldt[hub]"') from error

    seconds = model.provenance.get("seconds")
    about = ModelCardData(
        license=facts.licence.lower() if not facts.licence.startswith("LicenseRef") else "other",
        library_name="humboldt",
        tags=[model.domain, "foundation-model", "science"],
        model_name=facts.repository.partition("/")[2],
        eval_results=eval_results(model, facts.scores),
        **({} if seconds is None else {"training_seconds": seconds}),
    )
    return str(yaml.safe_dump(about.to_dict(), sort_keys=False))


def eval_results(model: Model, scores: Mapping[str, Any]) -> list[Any]:
    """The scores of the model itself (not of its baselines) as the hub lists them."""
    from huggingface_hub import EvalResult

    source = str(dict(scores.get("data", {})).get("source", "held-out data"))
    found = []
    for row in scores.get("rows", ()):
        if row.get("forecast") != MODEL:
            continue
        place = ", ".join(f"{key} {row[key]}" for key in _keys(row) if key != "forecast")
        found += [
            EvalResult(
                task_type="forecast",
                dataset_type=model.domain,
                dataset_name=source.rpartition("/")[2],
                dataset_split=str(scores.get("split") or "test"),
                metric_type=name,
                metric_name=f"{name} ({place})",
                metric_value=value,
            )
            for name, value in _values(row).items()
        ]
    return found[:MOST_ROWS]


def _keys(row: Mapping[str, Any]) -> list[str]:
    """What says where a score holds: words, lead times and steps, not the score itself."""
    return [k for k, v in row.items() if isinstance(v, str) or k in ("lead_time", "lead_step", "level")]


def _values(row: Mapping[str, Any]) -> dict[str, float]:
    keys = _keys(row)
    return {k: v for k, v in row.items() if k not in keys and isinstance(v, int | float) and not isinstance(v, bool)}


def _use(facts: Facts) -> str:
    code = f'model = humboldt.from_pretrained("{facts.repository}")'
    return f"```python\nimport humboldt\n\n{code}\nforecast = humboldt.predict(model, state)\n```"


def _variables(model: Model) -> str:
    config = to_dict(model.config) if model.config is not None else {}
    channels = config.get("inputs") or _part(model).get("channels") or _part(model).get("variables") or []
    if isinstance(channels, Mapping):
        channels = [{"name": name, "units": unit} for name, unit in channels.items()]
    rows = [c if isinstance(c, Mapping) else {"name": c} for c in channels]
    if not rows:
        return ""
    lines = [f"| {row.get('name')} | {row.get('units') or 'not stated'} |" for row in rows]
    grid = _part(model).get("grid") or _part(model).get("shape")
    note = "Normalisation is part of the weights and undone in the output: fields go in and come out in these units."
    return "\n".join(["| variable | units |", "|---|---|", *lines, "", *([f"Grid: {grid}."] if grid else []), note])


def _data(model: Model, facts: Facts) -> str:
    data = model.provenance.get("data", {})
    parts = {name: part for name, part in data.items() if isinstance(part, Mapping)}
    if not parts:
        return ""
    lines = [
        f"- {name}: {part.get('samples')} samples of {str(part.get('source', 'unnamed')).rpartition('/')[2]}, "
        f"fingerprint `{part.get('fingerprint')}`"
        for name, part in parts.items()
    ]
    terms = [f"- {name}: {licence}" for name, licence in facts.sources.items()]
    parent = f"Begun from the weights with SHA-256 `{data.get('parent')}`."
    return "\n".join([*lines, "", "Terms of what it was made from:", "", *terms, "", parent])


def _recipe(model: Model) -> str:
    recipe = model.provenance.get("recipe")
    if not recipe:
        return ""
    kept = {key: value for key, value in recipe.items() if key != "config"}
    text = yaml.safe_dump(json.loads(json.dumps(kept)), sort_keys=False)
    return f"Seed {model.provenance.get('seed')}, {model.provenance.get('steps')} steps.\n\n```yaml\n{text}```"


def _scores(scores: Mapping[str, Any]) -> str:
    rows = list(scores.get("rows", ()))
    if not rows or all(row.get("forecast") == MODEL for row in rows):
        return ""  # no scores, or none of a baseline beside them
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_shown(row.get(c)) for c in columns) + " |" for row in rows[:MOST_ROWS]]
    more = f"\n{len(rows) - MOST_ROWS} further rows are in `scores.json`." if len(rows) > MOST_ROWS else ""
    what = scores.get("statistic", "over all samples")
    return f"On the part `{scores.get('split') or 'test'}` ({what}), baselines beside it.\n\n" + "\n".join(lines) + more


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


def _checks(facts: Facts) -> str:
    rows = [row for row in facts.scores.get("rows", ()) if row.get("forecast") == MODEL]
    lines = [
        f"- {name.replace('_', ' ')}: {_shown(min(values))} to {_shown(max(values))} over groups and lead times"
        for name in CHECKS
        if (values := [row[name] for row in rows if isinstance(row.get(name), int | float)])
    ]
    return "\n".join([*lines, facts.checks])


def _limits(model: Model, facts: Facts) -> str:
    seed, part = model.provenance.get("seed"), _part(model)
    lines = [f"- One run, with seed {seed}: the spread over seeds is not known."] if seed is not None else []
    if part:
        lines.append(
            f"- It learned from {part.get('samples')} samples; other data, grids and lead times were not scored."
        )
    data = model.provenance.get("data", {})
    parts = [p for p in data.values() if isinstance(p, Mapping)]
    parts += [one for p in parts for one in p.get("mixture", ())]
    cautions = {str(p["caution"]) for p in parts if p.get("caution")}
    lines += [f"- **Caution:** {caution}." for caution in sorted(cautions)]
    return "\n".join([*lines, *([f"- {facts.limits}"] if facts.limits else [])])


def _energy(model: Model, facts: Facts) -> str:
    seconds = model.provenance.get("seconds")
    if seconds is None:
        return ""
    machine = facts.environment.get("accelerator") or facts.environment.get("processor") or "a machine not recorded"
    threads = facts.environment.get("threads")
    on = f"{machine}, {threads} threads" if threads else str(machine)
    hours = f"{seconds / 3600:.3g}"
    return f"{seconds:,.1f} seconds on {on}. Energy was not metered: {hours} hours times the power of that machine."


def _licence(facts: Facts) -> str:
    return f"{facts.licence}, the freest that the terms of what it was made from allow." if facts.licence else ""


def _part(model: Model) -> Mapping[str, Any]:
    found = model.provenance.get("data", {}).get("train", {})
    return found if isinstance(found, Mapping) else {}
