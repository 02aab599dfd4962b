"""humboldt demo [--science weather] [--output FOLDER]"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Show the main job."""
    parser = make_parser("demo", "Fine-tune a pretrained model on unseen data and score it beside its random twin.")
    text = "pde: an equation that it has not seen; weather: real analyses of a storm"
    option(parser.add_argument, "science", Literal["pde", "weather"], "pde", text)
    option(parser.add_argument, "output", str | None, None, "folder of everything written; runs/demo if not given")
    option(parser.add_argument, "steps", int | None, None, "length of each of the two trainings [optimiser steps]")
    option(parser.add_argument, "seed", int, 0, "of the twin's weights and of the order of samples")
    given = parse(parser, words)
    from ..demo import demo, weather_demo

    show = weather_demo if given.pop("science") == "weather" else demo
    show(**{name: value for name, value in given.items() if value is not None})
