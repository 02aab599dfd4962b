"""Labelled predictions, by whichever science a model is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from humboldt.foundations import Model, choose

from .pretrained import from_pretrained
from .registry import domain


def predict(
    model: Model | str | Path | Sequence[Model],
    state: Any,
    lead_times: float | int | Iterable[float | int] = (),
    *words: Any,
    **choices: Any,
) -> Any:
    """What a model makes of labelled data: the state after each of `lead_times`, or a table of properties.

    Args:
        model: of any domain, or its name or folder; of molecules also several, whose mean and deviation are predicted.
        state: what the domain's own `predict` takes: a Dataset or DataArray with a variable per channel (pde, weather,
            biodiversity), molecules as a file, a table or SMILES (graphs).
        lead_times: positive and rising, in the model's time units; any real numbers. Molecules have none.
        words, choices: of the domain's `predict`: `rollout`, `step`, `batch_size`, `climatology`, ...

    Returns:
        An xarray Dataset with a dimension `lead_time` that keeps the coordinates, units and attributes of the state; of
        molecules a pandas table.

    Raises:
        ValueError: data that do not fit the model, bad lead times, a choice that the domain does not have.
    """
    model = from_pretrained(model) if isinstance(model, str | Path) else model
    models = [model] if isinstance(model, Model) else list(model)
    if not models:
        raise ValueError("a prediction is made by a model or an ensemble of them, got an empty list; give one or more")
    science = domain(models[0].domain or "pde")
    if not isinstance(model, Model) and science.name != "graphs":
        raise ValueError(
            f"ensembles predict properties of molecules, got a list of {len(models)} models of {science.name}; predict "
            "with each, and take the mean"
        )
    given = list(lead_times) if isinstance(lead_times, Iterable) and not isinstance(lead_times, str) else [lead_times]
    if any(hasattr(time, "total_seconds") or isinstance(time, np.timedelta64) for time in given):
        raise TypeError(
            f"lead times are numbers in the model's time units (hours of the weather), got {given}; divide spans of "
            "time, as in lead_times / numpy.timedelta64(1, 'h')"
        )
    times = [float(t) for t in given]
    choose(science.predict, choices)
    return science.predict(model, state, times, *words, **choices)
