"""humboldt export MODEL --output model.onnx --format onnx --sizes '{grid: [64, 64]}'"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Write a program of a model."""
    parser = make_parser("export", "Write a model as a program that runs without Humboldt, checked against the model.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    add = parser.add_argument
    text = "torch-export: a file for torch.export.load; onnx: one for every runtime of ONNX"
    option(add, "format", Literal["torch-export", "onnx"], "torch-export", text)
    option(add, "output", str | None, None, "file to write; model.pt2 or model.onnx if not given")
    text = "what the program is fixed to, such as '{grid: [64, 64], periodic: true, samples: 2}' or '{length: 64}'"
    option(add, "sizes", dict[str, Any] | None, None, text)
    given = parse(parser, words)
    from ..adapting import load
    from ..exporting import export

    output = given["output"] or ("model.onnx" if given["format"] == "onnx" else "model.pt2")
    model = load(given["model"])
    found = export(model, output, format=given["format"], **(given["sizes"] or {}))
    print(f"{output}: largest difference to the model {found:.2g} of the largest value")
