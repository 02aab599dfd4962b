"""Binds the weather parts to the contract, and holds the configurations of the released models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from humboldt.foundations import (
    AttentionConfig,
    BlockConfig,
    Core,
    CoreConfig,
    Model,
    ScaleConfig,
    TimeNorm,
    from_dict,
    to_dict,
)

from .config import WeatherConfig
from .embed import WeatherEmbed
from .heads import StateHead


class Weather:
    """The science of the atmosphere, as the door and the methods reach it."""

    name = "weather"

    def open(self, source: Any, *, split: str | Mapping[str, Any] | None = None, **choices: Any) -> Any:
        """States from files, a store or an xarray object; `split` names a part, or gives the period of every part.

        See `open_weather` for the other choices.
        """
        from .data import open_weather

        if not isinstance(split, str):
            return open_weather(source, split=split, **choices)
        return open_weather(source, **choices).split(split)

    def build(self, config: WeatherConfig | Mapping[str, Any]) -> Model:
        """A model with fresh weights."""
        return build(config)

    def head(self, task: str, model: Model, **choices: Any) -> StateHead:
        """A fresh head for the task `forecast` (or `reconstruction`, the same head at lead time 0)."""
        if task not in ("forecast", "reconstruction"):
            raise ValueError(f"the weather domain has the tasks 'forecast' and 'reconstruction', got {task!r}")
        config = from_dict(WeatherConfig, {**to_dict(model.config), **choices})
        head = StateHead(config)
        if config.channels == model.config.channels:
            head.normaliser.load_state_dict(model.head.get_submodule("normaliser").state_dict())
        return head


def build(config: WeatherConfig | Mapping[str, Any]) -> Model:
    """A model with fresh weights from its configuration (or the dictionary that a checkpoint holds)."""
    if not isinstance(config, WeatherConfig):
        config = from_dict(WeatherConfig, dict(config))
    model = Model(WeatherEmbed(config), Core(config.core), StateHead(config), domain="weather", config=config)
    initialise(model)
    return model


def initialise(model: Model) -> None:
    """Fresh weights: truncated normal of deviation 0.02 in linear maps, norms plain, biases zero."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, TimeNorm):
            module.reset_parameters()
    nn.init.trunc_normal_(model.head.get_parameter("mask_token"), std=0.02)
    for maps in (model.embed.get_submodule("time.input_time"), model.embed.get_submodule("time.lead_time")):
        nn.init.uniform_(maps.weight, 0, 0.5)  # type: ignore[arg-type]  # radians per hour


def unit_core(
    *, width: int, pairs: int, heads: int, hidden: int, shifted: bool = False, drop_path: float = 0.0
) -> CoreConfig:
    """Attention inside each unit, then `pairs` times across units and inside each unit again (arXiv 2409.13598).

    With `shifted`, every other stage after the first sees units that are moved by half their size. A shift moves all
    tokens of a slot alike, so attention across units needs none.
    """
    layers = range(2 * pairs + 1)
    blocks = tuple(
        BlockConfig(
            attention=AttentionConfig(
                heads=heads,
                window=(None, 1) if layer % 2 else (1, None),
                shifted=shifted and layer % 4 == 2,
                bias="none",
                out_bias=False,
            ),
            hidden=hidden,
            norm="pre",
            drop_path=drop_path,
        )
        for layer in layers
    )
    return CoreConfig(axes=2, scales=(ScaleConfig(width=width, down=blocks),))
