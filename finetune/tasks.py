"""Which of several tasks every sample is of."""

from __future__ import annotations

import torch
from jaxtyping import Integer
from torch import Tensor

from humboldt.foundations import ConfigError, Context


def tasks_of(context: Context, samples: int, count: int, reader: str, device: torch.device) -> Integer[Tensor, " b"]:
    """The number of the task of every sample, as the batch carries it or the caller told.

    Raises:
        ConfigError: nobody said, or there are not so many.
    """
    said = context.need("task", reader)
    found = torch.as_tensor(said, device=device).long().expand(samples)
    if not torch.compiler.is_compiling() and bool((found < 0).any() | (found >= count).any()):
        raise ConfigError(
            f"{reader} knows the tasks 0 to {count - 1}, got {sorted(set(found.tolist()))}; raise tasks={count}, or "
            "number them from zero"
        )
    return found
