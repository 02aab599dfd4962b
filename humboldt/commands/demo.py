"""humboldt demo [--output FOLDER]"""

from __future__ import annotations

from collections.abc import Sequence

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Show the main job."""
    parser = make_parser("demo", "Fine-tune a pretrained model on unseen data and score it beside its random twin.")
    option(parser.add_argument, "output", str, "runs/demo", "folder of everything written")
    option(parser.add_argument, "steps", int, 150, "length of each of the two trainings [optimiser steps]")
    option(parser.add_argument, "seed", int, 0, "of the twin's weights and of the order of samples")
    given = parse(parser, words)
    from ..demo import demo

    demo(**given)
