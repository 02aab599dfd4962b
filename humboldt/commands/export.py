"""humboldt export MODEL --output model.pt2 --grid '[64, 64]'"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Write a program of a model."""
    parser = make_parser("export", "Write a model as a program that runs without Humboldt, checked against the model.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model of the pde domain")
    add = parser.add_argument
    option(add, "format", Literal["torch-export"], "torch-export", "a file for torch.export.load")
    option(add, "output", str, "model.pt2", "file to write")
    option(add, "grid", list[int], [64, 64], "points along each space axis")
    option(add, "not_periodic", bool, False, "no space axis closes on itself")
    option(add, "states", int, 2, "states at a time [states]")
    given = parse(parser, words)
    from ..adapting import load
    from ..exporting import export

    model = load(given["model"])
    found = export(
        model, given["output"], grid=given["grid"], periodic=not given["not_periodic"], states=given["states"]
    )
    print(f"{given['output']}: largest difference to the model {found:.2g} of the largest value")
