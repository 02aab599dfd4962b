"""A model as a function of plain tensors: what a file computes that runs without this library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from .contracts import Model


class Program(nn.Module, ABC):
    """A model whose batch is spread out into tensors, of sizes that are fixed when the program is written.

    Attributes:
        inputs: names of the tensors that `forward` takes, in this order.
        outputs: names of those that it gives.
        tolerance: of a program as read back, as a part of the largest value of an output.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tolerance: float = 1e-5

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    @abstractmethod
    def forward(self, *tensors: Tensor) -> Any:
        """A tensor, or a tuple of them where there are several outputs; in physical units."""

    @abstractmethod
    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Inputs by chance, in the units of the model."""
