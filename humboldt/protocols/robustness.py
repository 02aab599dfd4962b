"""How much worse a model gets as its inputs go wrong: corruptions at severities, beside the clean score."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from humboldt.foundations import Model

from ..measuring import measure
from ..results import Result, provenance
from .corruptions import CORRUPTIONS, Corrupted
from .states import NotApplicableError, ProtocolError

log = logging.getLogger(__name__)


def robustness(
    models: dict[str, Model],
    data: Any,
    *,
    name: str = "model",
    data_name: str = "data",
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    severities: Sequence[int] = (1, 2, 3, 4, 5),
    lead_steps: Sequence[int] | None = None,
    seed: int = 0,
) -> Iterator[Result]:
    """Scores on the test part, clean first, then by corruption and severity; one that does not apply is left out.

    Args:
        models: `none` is the model; `random` its control with random weights, or trained alike from those.
        data: a dataset of fields with a test part.
        name, data_name: for the records.
        corruptions, severities: which.
        lead_steps: frames ahead that are scored (PDEs).
        seed: of chance in the corruptions.

    Raises:
        ProtocolError: an unknown corruption or severity, or a model that is not one of fields.
    """
    for corruption in corruptions:
        for severity in severities:
            Corrupted(data, corruption, severity)  # words first, scores after
    part = data.split("test")
    for which, model in models.items():
        origin = provenance(model, data, seed=seed)
        for corruption, severity in [("clean", 0), *((c, s) for c in corruptions for s in severities)]:
            seen = part if corruption == "clean" else Corrupted(part, corruption, severity, seed)
            try:
                found = measure(model, seen, lead_steps=lead_steps)
            except NotApplicableError as error:
                log.warning("%s does not apply: %s", corruption, error)
                continue
            yield Result(
                protocol="robustness",
                model=name,
                method="none",
                control=which == "random",
                data=data_name,
                metric=found.metric,
                unit=found.unit,
                value=found.value,
                scores=found.samples,
                settings={"corruption": corruption, "severity": severity},
                **origin,
            )


def drops(results: Sequence[Result], control: bool = False) -> dict[str, float]:
    """By corruption the mean over severities of (error - clean) / clean, worst first; `mean` over all corruptions.

    Raises:
        ProtocolError: there is no clean score.
    """
    mine = [r for r in results if r.protocol == "robustness" and r.control is control]
    clean = [r.value for r in mine if r.settings["corruption"] == "clean"]
    if not clean:
        raise ProtocolError("a drop is relative to the clean score, got none; measure with robustness(...)")
    names = dict.fromkeys(r.settings["corruption"] for r in mine if r.settings["severity"] > 0)
    found = {
        name: float(np.mean([(r.value - clean[0]) / clean[0] for r in mine if r.settings["corruption"] == name]))
        for name in names
    }
    ordered = dict(sorted(found.items(), key=lambda pair: -pair[1]))
    return {**ordered, "mean": float(np.mean(list(found.values())))} if found else {}
