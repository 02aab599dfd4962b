"""humboldt protocol robustness | few-shot | frozen | nuisance | continual | explain | scaling | audit"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..cli import UsageError, make_parser, nearest, option, parse

RECORDS = "results.jsonl"


def run(words: Sequence[str]) -> int | None:
    """Measure by a protocol; the random control always stands beside."""
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return None
    if words[0] not in ACTIONS:
        raise UsageError(f"protocols are {', '.join(ACTIONS)}, got {words[0]!r}{nearest(words[0], ACTIONS)}")
    return ACTIONS[words[0]](words[1:])


def overview() -> str:
    """What `humboldt protocol --help` shows."""
    lines = [f"  {name:10} {(action.__doc__ or '').rstrip('.')}" for name, action in ACTIONS.items()]
    last = "humboldt protocol NAME --help explains every option."
    return "\n".join(["usage: humboldt protocol NAME ...", "", "protocols:", *lines, "", last])


def robustness(words: Sequence[str]) -> None:
    """Scores under corruptions of the input at severities 1 to 5."""
    from ..protocols.corruptions import CORRUPTIONS
    from ..protocols.robustness import drops
    from ..protocols.robustness import robustness as measured

    def more(add: Callable[..., Any]) -> None:
        option(add, "corruptions", list[str], list(CORRUPTIONS), "which")
        option(add, "severities", list[int], [1, 2, 3, 4, 5], "how strong; 0 changes nothing")
        option(
            add, "control", str | None, None, "control tuned alike from random weights; the untrained one if not given"
        )

    given = _given("robustness", robustness.__doc__, words, more)
    models, data = _pair(given), _data(given)
    found = _kept(
        given,
        measured(
            models, data, name=given["model"], data_name=_name(given), corruptions=given["corruptions"],
            severities=given["severities"], lead_steps=given["lead_steps"], seed=given["seed"],
        ),
    )  # fmt: skip
    for name, drop in drops(found).items():
        print(f"{name:12} {drop:+8.1%}   {drops(found, control=True).get(name, float('nan')):+8.1%} (control)")


def few_shot(words: Sequence[str]) -> None:
    """Learning from 4, 16 and 100 units, in fixed episodes."""
    from ..protocols.episodes import SIZES
    from ..protocols.few_shot import few_shot as measured

    def more(add: Callable[..., Any]) -> None:
        option(add, "methods", list[str], ["head", "full"], "how to adapt, with options as hydra:rank=4")
        option(add, "sizes", list[int], list(SIZES), "units to learn from; sizes that there are not are left out")
        option(add, "count", int, 3, "episodes of every size")
        option(add, "task", str, "forecast", "what the tuned models do")
        option(add, "steps", int, 100, "length of every training [optimiser steps]")
        option(add, "batch_size", int, 8, "samples of a step")

    given = _given("few-shot", few_shot.__doc__, words, more)
    said = ("methods", "sizes", "count", "task", "steps", "batch_size", "lead_steps", "seed", "opening")
    choices = {k: given[k] for k in said} | {"data_name": _name(given), "done": _records(given)}
    _kept(given, measured(given["model"], _data(given), **choices))


def frozen(words: Sequence[str]) -> None:
    """What embeddings know without any training."""
    from ..protocols.frozen import frozen as measured

    given = _given("frozen", frozen.__doc__, words)
    _kept(
        given,
        measured(_pair(given), _data(given), name=given["model"], data_name=_name(given), seed=given["seed"]),
    )


def nuisance(words: Sequence[str]) -> None:
    """Tuning that does not mind how data were prepared, in unseen preparations."""
    from ..adapting import finetune
    from ..pretrained import from_pretrained
    from ..protocols.nuisance import KINDS, nuisance_scores

    def more(add: Callable[..., Any]) -> None:
        option(add, "method", str, "full", "how to adapt")
        option(add, "seen", int, 16, "configurations to train on")
        option(add, "unseen", int, 16, "configurations to score in")
        option(add, "kinds", list[str], list(KINDS), "what differs between them")
        option(add, "samples", int | None, None, "units to train on; all if not given")
        option(add, "steps", int, 100, "length of every training [optimiser steps]")

    given = _given("nuisance", nuisance.__doc__, words, more)

    def train(data: Any, random: bool) -> Any:
        start = from_pretrained(given["model"], random=random, seed=given["seed"])
        choices = {k: given[k] for k in ("method", "samples", "steps", "seed")}
        return finetune(start, data, progress=False, **choices)

    choices = {k: given[k] for k in ("seen", "unseen", "kinds", "seed", "method", "lead_steps")}
    _kept(given, nuisance_scores(train, _data(given), name=given["model"], data_name=_name(given), **choices))


def continual(words: Sequence[str]) -> None:
    """One data set after another: forgetting and forward transfer."""
    from ..adapting import finetune
    from ..choosing import as_method, is_automatic
    from ..opening import open as open_data
    from ..pretrained import from_pretrained
    from ..protocols.continual import continual as measured

    def more(add: Callable[..., Any]) -> None:
        option(add, "then", list[str], [], "the data that come after DATA, in order")
        option(add, "method", str, "full", "how to adapt")
        option(add, "samples", int | None, None, "units to train on; all if not given")
        option(add, "steps", int, 100, "length of every training [optimiser steps]")

    given = _given("continual", continual.__doc__, words, more)
    paths = [given["data"], *given["then"]]
    names = [Path(p).name if [Path(q).name for q in paths].count(Path(p).name) == 1 else p for p in paths]
    if len(set(names)) < len(names):
        raise UsageError(f"the data of a sequence differ, got {names}; name each once")
    starts = {w: from_pretrained(given["model"], random=w == "random", seed=given["seed"]) for w in ("none", "random")}
    opened = {
        n: open_data(p, domain=starts["none"].domain, **(given["opening"] or {}))
        for n, p in zip(names, paths, strict=True)
    }
    choices = {k: given[k] for k in ("method", "samples", "steps", "seed")}
    goes_on = not is_automatic(given["method"]) and as_method(given["method"]).sequential

    def learn(model: Any, data: Any) -> Any:
        return finetune(model, data, progress=False, keep_adapter=goes_on, **choices)

    more_choices = {k: given[k] for k in ("method", "seed", "lead_steps")}
    _kept(given, measured(starts, opened, learn, name=given["model"], **more_choices))


def explain(words: Sequence[str]) -> int:
    """Whether attributions change with the model; 1 if they do not."""
    from ..adapting import load
    from ..protocols.explanation import agreement, effects, is_sane, randomised
    from ..protocols.states import states
    from ..view import arranged

    def more(add: Callable[..., Any]) -> None:
        option(add, "channel", int, 0, "of the prediction; the mean square of its change is explained")
        option(add, "samples", int, 4, "of the test part")

    given = _given("explain", explain.__doc__, words, more)
    model = load(given["model"])
    part = arranged(_data(given).split("test"), model)
    batch = part.batch(range(min(given["samples"], len(part))))

    before = states(batch)[:, -1, given["channel"]]

    def question(prediction: Any) -> Any:
        return (prediction.fields[:, given["channel"]] - before).flatten(1).square().mean(1)

    found = effects(model, dict(randomised(model, given["seed"])), batch, question)
    for effect in found:
        print(f"{effect.treatment:22} prediction {effect.prediction:8.3f}   attribution {effect.attribution:6.3f}")
    sane = is_sane(found)
    print(f"effects agree {agreement(found):.2f}; {'the attributions are of the model' if sane else 'NOT SANE'}")
    return int(not sane)


def scaling(words: Sequence[str]) -> None:
    """Fit how the error of records falls with the number of samples.

    Where records keep scores by sample, their mean is fitted too: a rank or a median loses its link to scale.
    """
    from ..protocols.scaling_laws import curves, fit_loss
    from ..protocols.states import ProtocolError
    from ..results import read_results

    parser = make_parser("protocol scaling", scaling.__doc__ or "")
    parser.add_argument("records", type=str, help="file of result records with four numbers of samples or more")
    option(parser.add_argument, "json", bool, False, "print JSON")
    given = parse(parser, words)
    groups = curves(read_results(given["records"]))
    refused = []
    for key, points in groups.items():
        try:
            fit = fit_loss(*zip(*points, strict=True))
        except ProtocolError as error:
            refused.append(f"{' / '.join(key)}: {error}")
            continue
        if given["json"]:
            print(json.dumps({"of": key, **fit.__dict__}))
            continue
        spans = {n: "[{:.3g}, {:.3g}]".format(*fit.intervals[n]) for n in fit.parameters}
        said = ", ".join(f"{n} {v:.3g} {spans[n]}" for n, v in fit.parameters.items())
        turned = "; MISALIGNED, do not extrapolate" if fit.misaligned else ""
        print(f"{key[1]}, {key[-1]:24} {key[-2]}: {fit.law}: {said}{turned}")
    if len(refused) == len(groups):
        raise ProtocolError("\n".join(refused) or f"no record of {given['records']} says from how many samples")
    for line in refused:
        print(f"left out: {line}", file=sys.stderr)


def audit(words: Sequence[str]) -> int:
    """Look for units of a trunk that wait for a property of your data; 1 if there are any."""
    from ..adapting import load
    from ..auditing import audit_activations

    def more(add: Callable[..., Any]) -> None:
        option(add, "count", int, 500, "samples that are looked at")
        option(add, "split", str | None, None, "part of the data; all if not given")

    given = _given("audit", audit.__doc__, words, more)
    data = _data(given)
    found = audit_activations(
        load(given["model"]), data if given["split"] is None else data.split(given["split"]), count=given["count"]
    )
    print(found)
    return int(found.planted)


ACTIONS: dict[str, Callable[[Sequence[str]], int | None]] = {
    "robustness": robustness,
    "few-shot": few_shot,
    "frozen": frozen,
    "nuisance": nuisance,
    "continual": continual,
    "explain": explain,
    "scaling": scaling,
    "audit": audit,
}


def _given(
    name: str, about: str | None, words: Sequence[str], more: Callable[[Callable[..., Any]], None] | None = None
) -> dict[str, Any]:
    parser = make_parser(f"protocol {name}", about or "")
    add = parser.add_argument
    add("model", type=str, help="name, folder or hub repository of a model")
    add("data", type=str, help="file or store; it has parts to train on and to test")
    option(add, "opening", dict[str, Any] | None, None, "how data are opened, such as '{periodic: true}'")
    option(add, "lead_steps", list[int] | None, None, "frames ahead that are scored (PDEs); all if not given")
    option(add, "seed", int, 0, "of everything drawn")
    option(add, "output", str, f"runs/{name}", f"folder of {RECORDS}, which grows")
    if more is not None:
        more(add)
    return parse(parser, words)


def _data(given: dict[str, Any]) -> Any:
    from ..adapting import load
    from ..opening import open as open_data

    return open_data(given["data"], domain=load(given["model"]).domain, **(given["opening"] or {}))


def _pair(given: dict[str, Any]) -> dict[str, Any]:
    """The model and its control, both with the statistics of the model."""
    from ..adapting import load
    from ..pretrained import random_twin

    model = load(given["model"])
    control = given.get("control")
    return {"none": model, "random": random_twin(model, given["seed"]) if control is None else load(control)}


def _name(given: dict[str, Any]) -> str:
    return Path(given["data"]).name


def _records(given: dict[str, Any]) -> Path:
    return Path(given["output"]) / RECORDS


def _kept(given: dict[str, Any], found: Iterable[Any]) -> list[Any]:
    """Print every result and add it to the records as soon as it is there; returns the new ones."""
    from ..results import read_results, write_results

    path, new = _records(given), []
    old = read_results(path) if path.is_file() else []
    how = {"opening": given["opening"]} if given["opening"] else {}
    for measured in found:
        result = replace(measured, settings={**measured.settings, **how})
        new.append(result)
        write_results(path, [*old, *new])
        chosen = " ".join(f"{k}={v}" for k, v in result.settings.items() if isinstance(v, str | int | float))
        control = " (random)" if result.control else ""
        size = "" if result.samples is None else f" {result.samples} samples"
        print(f"{result.method}{control}{size} {chosen}: {result.value:.4g} [{result.unit}]  {result.metric}")
    return new
