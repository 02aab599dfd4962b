"""Forecasts over many steps, each made from the last ones; one step is in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from humboldt.foundations import Model

from .batch import WeatherBatch, WeatherPrediction

Ahead = Callable[[int, WeatherBatch], WeatherBatch]
"""(number of the step, batch with the newest states) -> the batch with what else that step is told."""


def rollout(model: Model, batch: WeatherBatch, steps: int, ahead: Ahead | None = None) -> Iterator[WeatherPrediction]:
    """Yield `steps` predictions; each is the newest state of the next step.

    Args:
        model: a weather model.
        batch: the initial states; its mask holds for the first step only.
        steps: how many predictions to make, each one lead time of the batch further ahead.
        ahead: completes the batch of every step but the first: static fields (calendar, sea ice) at its newest state
            and the climatology at its target. Without it they stay what they are.

    Raises:
        ValueError: a number of steps below 1.
    """
    if steps < 1:
        raise ValueError(f"a rollout takes at least one step, got {steps}")
    for step in range(steps):
        with model.context.at(rollout_step=step):
            prediction = model(batch)
        yield prediction
        if step + 1 < steps:
            batch = batch.step(prediction.fields, time=prediction.time)
            batch = batch if ahead is None else ahead(step + 1, batch)
