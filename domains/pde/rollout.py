"""Forecasts at many lead times from one initial state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from humboldt.foundations import Model

from .batch import FieldBatch, FieldPrediction
from .config import PDEConfig


def rollout(
    model: Model, batch: FieldBatch, lead_times: Sequence[float], step: float | None = None
) -> Iterator[FieldPrediction]:
    """Yield the prediction at each of `lead_times` (rising, in the model's time units) from the state of `batch`.

    Without `step` every lead time is predicted directly from the initial state, 0 among them (what else a state says,
    such as its coefficients). With `step` the model is applied to
    its own output in uniform steps of that length; a lead time between two steps is reached by one shorter step.
    Inputs that the model does not predict (coefficients, forcing) keep their initial values, and so do missing ones.

    Raises:
        ValueError: lead times that are not positive (without a step: negative) and rising, or a step that is not
            positive.
    """
    check_lead_times(lead_times, at_once=step is None)
    if step is None:
        for lead_time in lead_times:
            yield _advance(model, batch, lead_time)
        return
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"an autoregressive rollout goes in steps of a positive length, got step={step}")
    state, done = batch, 0
    for lead_time in lead_times:
        whole = math.floor(lead_time / step + 1e-6)
        rest = lead_time - whole * step
        for number in range(done, whole):
            prediction = _advance(model, state, step, number)
            state = batch.at(next_fields(model.config, state.fields, prediction), state.lead_time)
        done = whole
        yield prediction if rest < 1e-6 * step else _advance(model, state, rest, whole)


def check_lead_times(lead_times: Sequence[float], at_once: bool = False) -> None:
    """Refuse lead times that are not positive, finite and strictly rising; 0 may be the first where it is `at_once`."""
    first = next(iter(lead_times), math.nan)
    begins = first >= 0 if at_once else first > 0
    if not (begins and lead_times[-1] < math.inf and all(a < b for a, b in pairwise(lead_times))):
        cure = f"sort them{'' if at_once else ' and drop 0'}" if len(lead_times) else "name one or more"
        raise ValueError(
            f"lead times are {'0 or more' if at_once else 'positive'}, finite and strictly rising, "
            f"got {[float(t) for t in lead_times]}; {cure}"
        )


def _advance(model: Model, batch: FieldBatch, lead_time: float, number: int = 0) -> FieldPrediction:
    times = torch.full_like(batch.fields[:, 0].flatten(1)[:, 0], lead_time)
    with model.context.at(rollout_step=number):
        return model(batch.at(batch.fields, times))


def next_fields(config: PDEConfig, fields: Tensor, prediction: FieldPrediction) -> Tensor:
    """The inputs of the next step: what is predicted, and what was given where it is not; what was missing still is."""
    places = {channel.name: index for index, channel in enumerate(config.outputs)}
    columns = [
        prediction.fields[:, places[c.name]] if c.name in places else fields[:, index]
        for index, c in enumerate(config.inputs)
    ]
    return torch.where(fields.isnan(), fields, torch.stack(columns, dim=1))
