"""PyTorch files of published models, opened without running what a pickle may hold. Ours are never pickles."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from .tensor_file import CheckpointError

SAFE = (2, 6)  # before, `weights_only=True` could be made to run code (CVE-2025-32434)
CURE = "convert it to safetensors where you trust it, or fetch it again"


def read_pickled(path: Path) -> Any:
    """Tensors, and containers of them, from a `.pt` or `.bin` file; mapped into memory where its format allows it.

    Raises:
        CheckpointError: a pickle that holds more than tensors, a broken file, or a PyTorch that does not open pickles
            safely.
    """
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < SAFE:
        raise CheckpointError(
            f"pickles are opened by PyTorch 2.6 or newer, got {torch.__version__}; update it or {CURE}"
        )
    try:
        return _load(path)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} is a pickle that holds more than tensors and is not opened; {CURE}") from error
    except Exception as error:  # a damaged file makes the unpickler fail in any way
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is not a whole PyTorch file ({what}); {CURE}") from error


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap can only be used" not in str(error):
            raise
        return torch.load(path, map_location="cpu", weights_only=True)  # a format from before torch 1.6
