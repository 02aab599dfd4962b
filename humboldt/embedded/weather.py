"""How `humboldt/weather-nano` was made."""

from __future__ import annotations

from pathlib import Path

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model

WEATHER_NANO = Recipe(
    steps=6000,
    batch_size=8,
    optimiser="muon",
    core_rate=2e-3,
    embedding_rate=2e-3,
    norm_rate=2e-3,
    weight_decay=0.01,
    warmup=100,
    clip=5.0,
    validate_every=500,
    save_every=100,
    precision="bf16-mixed",
    seed=0,
)
"""The recipe of `humboldt/weather-nano`."""


def pretrain_weather_nano(data: str | Path, output: str | Path, recipe: Recipe = WEATHER_NANO) -> Model:
    """Pretrain `humboldt/weather-nano` from nothing: simulate the atmosphere into `data`, train, save to `output`.

    Interrupted and called again it goes on where it was.

    Args:
        data: folder of the simulations (1 GB); what is there is not simulated again.
        output: run folder, which becomes the checkpoint.
        recipe: another than the released one for trials.
    """
    from humboldt.domains.weather import fresh_weather_nano, open_views

    train, validation = open_views(data, samples=recipe.steps * recipe.batch_size)
    model = fresh_weather_nano(train, recipe.seed)
    return fit(model, train, validation, recipe, None, output, run={"model": "humboldt/weather-nano"})
