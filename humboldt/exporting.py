"""A model as a program that runs without Humboldt, compared with the model before it is believed."""

from __future__ import annotations

import copy
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from humboldt.foundations import Model, Program, choose

from .decompositions import DECOMPOSITIONS
from .registry import domain

LARGEST = 2_000_000_000  # bytes of the weights in a file of ONNX
SLACK = 32 * 2**20  # bytes that are left free beside the weights


class ExportError(ValueError):
    """A model that cannot be exported, or whose program computes something else."""


def export(
    model: Model,
    output: str | os.PathLike[str],
    *,
    format: str = "torch-export",
    **sizes: Any,
) -> float:
    """Write a model as a program for batches of fixed sizes, which runs without Humboldt.

    `torch.export.load(output).module()(*tensors)` runs the one, `onnxruntime.InferenceSession(output).run(...)` the
    other. What they take and give is named by the `Program` of the domain.

    Args:
        model: of any domain.
        output: file to write.
        format: `torch-export` (`.pt2`) or `onnx`.
        sizes: what the program is fixed to, such as `grid`, `periodic` and `samples` of fields.

    Returns:
        The largest difference between the program as read back and the model, on other inputs than those it was traced
        with, over the largest value of the output.

    Raises:
        ExportError: an unknown format, a name that it does not take, no room, operations that it does not have, or a
            program that computes something else.
        ValueError: unknown sizes (with those that there are).
        ImportError: the extra `export` is missing.
    """
    if format not in FORMATS:
        raise ExportError(f"a model is exported to {' or '.join(FORMATS)}, got {format!r}; choose one of them")
    way, output = FORMATS[format], Path(output)
    kind = domain(model.domain or "pde").program(model)
    choose(kind, sizes)
    program: Program = kind(copy.deepcopy(model).eval().requires_grad_(False), **sizes)
    way.check(program, output)
    traced, other = program.example(0), program.example(1)
    with torch.no_grad():
        expected = _each(program(*other))
        exported = torch.export.export(program, traced)
    aside = output.with_name(f".writing-{output.name}")
    _require_room(program, output)
    try:
        way.write(program, exported, aside)
        difference = max(map(_difference, way.run(aside, other), expected))
        if not difference <= program.tolerance:
            raise ExportError(
                f"a program computes what the model does to {program.tolerance:g}, got {difference:.3g}; nothing was "
                "written"
            )
        os.replace(aside, output)
    finally:
        aside.unlink(missing_ok=True)
    return difference


def _require_room(program: Program, output: Path) -> None:
    """Refuse a disk that is too full before PyTorch finds out, which may end the whole process."""
    needed = sum(value.nbytes for value in program.state_dict().values()) + SLACK
    if not output.absolute().parent.is_dir():
        raise ExportError(f"a program is written into a folder that is there, got {output}; make the folder")
    if (free := shutil.disk_usage(output.absolute().parent).free) < needed:
        raise ExportError(
            f"a program needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB of {output.absolute().parent} are free; free "
            "some space, or write elsewhere"
        )


def _difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def _each(made: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [made] if isinstance(made, Tensor) else list(made)


@dataclass(frozen=True)
class Format:
    """Whether a program can be written, how it is, and how the file is run."""

    check: Callable[[Program, Path], None]
    write: Callable[[Program, ExportedProgram, Path], None]
    run: Callable[[Path, tuple[Tensor, ...]], list[Tensor]]


def _check_torch(program: Program, output: Path) -> None:
    if output.suffix != ".pt2":
        raise ExportError(f"torch writes programs into files called *.pt2, got {output.name!r}; call it model.pt2")


def _write_torch(program: Program, exported: ExportedProgram, path: Path) -> None:
    torch.export.save(exported, path)


def _run_torch(path: Path, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    with torch.no_grad():
        return _each(torch.export.load(path).module()(*inputs))


def _check_onnx(program: Program, output: Path) -> None:
    size = sum(t.numel() * t.element_size() for t in program.state_dict().values())
    if size > LARGEST:
        raise ExportError(
            f"a file of ONNX holds weights of {LARGEST / 1e9:g} GB, got {size / 1e9:.2f} GB; take --format torch-export"
        )
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError('programs of ONNX need onnxscript and onnxruntime: pip install "humboldt[export]"') from error


def _write_onnx(program: Program, exported: ExportedProgram, path: Path) -> None:
    from .onnx_functions import FUNCTIONS

    try:
        with _quiet():
            made = torch.onnx.export(
                _decomposed(exported),
                input_names=list(program.inputs),
                output_names=list(program.outputs),
                dynamo=True,
                custom_translation_table=FUNCTIONS,
                optimize=False,  # a runtime does that; the rewriter drops bounds where a value is clamped twice
                verbose=False,
            )
            assert made is not None
            made.save(path, external_data=False)
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(
            f"a program of ONNX is made of the operations that ONNX has, got {', '.join(_lacking(error))}, which it "
            "has not; take --format torch-export, which has all of them"
        ) from error


def _decomposed(exported: ExportedProgram) -> ExportedProgram:
    """Without the operations that a runtime has not; a program without any is not gone through once more."""
    parts = [part for part in exported.graph_module.modules() if isinstance(part, torch.fx.GraphModule)]
    found = {node.target for part in parts for node in part.graph.nodes}
    return exported.run_decompositions(DECOMPOSITIONS) if found & DECOMPOSITIONS.keys() else exported


def _run_onnx(path: Path, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; it warns of constants that it does not fold
    session = onnxruntime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])
    given = {put.name: value.numpy() for put, value in zip(session.get_inputs(), inputs, strict=True)}
    return [torch.from_numpy(found) for found in session.run(None, given)]


def _lacking(error: BaseException | None) -> list[str]:
    """The operations that an error of the exporter and its causes name, or what the first cause says."""
    said = []
    while error is not None:
        said.append(str(error))
        error = error.__cause__
    found = re.findall(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", "\n".join(said))
    return sorted(set(found)) or said[-1].splitlines()[:1]


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter says nothing about packages that it does not find."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


FORMATS = {
    "torch-export": Format(_check_torch, _write_torch, _run_torch),
    "onnx": Format(_check_onnx, _write_onnx, _run_onnx),
}
