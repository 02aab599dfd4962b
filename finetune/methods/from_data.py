"""Low-rank updates that begin where data say: by the inputs of a layer (EVA, CorDA) or by its gradient (LoRA-GA).

peft has these as initialisers of LoRA; two of them change the frozen weight there. Here B0 A0 is subtracted beside it,
as in `pissa`, so that the base stays what it is. What is measured is the first batch of a run: a large one is better.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Model

from ..adapted import hooks
from ..adapter import HookAdapter
from ..layers import matrix_shape, require_rank, weight_of
from ..method import Kind
from .pissa import FromWeight

Factors = tuple[Float[Tensor, "o r"], Float[Tensor, "r i"]]


class FromData(FromWeight):
    """W + s (B A - B0 A0); until the run begins A is random and B is zero."""

    def __init__(self, layer: nn.Module, rank: int, scale: float) -> None:
        outputs, inputs = matrix_shape(layer)
        a = torch.empty(rank, inputs)
        nn.init.kaiming_uniform_(a, a=math.sqrt(5))
        super().__init__(layer, torch.zeros(outputs, rank), a, scale)

    @torch.no_grad()
    def begin(self, b: Tensor, a: Tensor) -> None:
        """Let the update begin with these factors, at zero."""
        for place, value in ((self.b, b), (self.b0, b), (self.a, a), (self.a0, a)):
            place.copy_(value)


@dataclass(frozen=True, kw_only=True)
class DataStart(HookAdapter):
    """A low-rank update of linear maps whose factors are made of the first batch.

    Attributes:
        rank: of the update.
        scale: s.
    """

    kind: ClassVar[Kind] = "weights"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)
    rank: int = 4
    scale: float = 1.0

    def hook(self, layer: nn.Module) -> FromData:
        """The factors of a map.

        Raises:
            ConfigError: a rank above the size of the layer.
        """
        require_rank(self.rank, layer)
        return FromData(layer, self.rank, self.scale)

    def begin(self, model: Model, batch: Any) -> None:
        """Measure, and let every update begin."""
        mine = {hook: hook.layer[0] for hook in hooks(model) if isinstance(hook, FromData)}
        measured = self.measured(model, batch, mine)
        for hook, layer in mine.items():
            hook.begin(*self.factors(weight_of(layer).detach().float(), measured[hook]))

    def measured(self, model: Model, batch: Any, mine: Mapping[FromData, nn.Module]) -> dict[FromData, Tensor]:
        """The second moments x x^T of the inputs of every map, the mean over the batch."""
        with noted(mine) as found, torch.no_grad():
            model.loss(batch)
        return found

    @abstractmethod
    def factors(self, weight: Float[Tensor, "o i"], measured: Tensor) -> Factors:
        """B0 and A0 of a map."""


@contextmanager
def noted(mine: Mapping[FromData, nn.Module]) -> Iterator[dict[FromData, Tensor]]:
    """Second moments of what layers take inside the block."""
    found: dict[FromData, Tensor] = {}

    def note(hook: FromData) -> Any:
        def see(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].detach().flatten(0, -2).float()
            found[hook] = x.mT @ x / len(x)

        return see

    handles = [layer.register_forward_pre_hook(note(hook)) for hook, layer in mine.items()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True, kw_only=True)
class EVA(DataStart):
    """W + s B A, A = the directions in which the layer's inputs vary most, B = 0 at the start.

    The published redistribution of ranks between layers is left out: `adalora` has one that follows the task.
    """

    name: ClassVar[str] = "eva"
    source: ClassVar[str] = "arXiv 2410.07170"

    def factors(self, weight: Float[Tensor, "o i"], measured: Tensor) -> Factors:
        """Zero, and the first eigenvectors of the inputs' moments."""
        directions = torch.linalg.eigh(measured).eigenvectors.flip(1)[:, : self.rank]
        return weight.new_zeros(len(weight), self.rank), directions.mT


@dataclass(frozen=True, kw_only=True)
class CorDA(DataStart):
    """W + s (B A - B0 A0), B0 A0 = the part of W that matters most to the inputs C: of U S V^T = svd(W C), times C^-1.

    Attributes:
        damping: share of the mean moment that is added to each, so that C has an inverse.
    """

    name: ClassVar[str] = "corda"
    source: ClassVar[str] = "arXiv 2406.05223"
    damping: float = 0.01

    def __post_init__(self) -> None:
        if self.damping <= 0:
            raise ConfigError(f"moments are damped by a positive share, got damping={self.damping}")

    def factors(self, weight: Float[Tensor, "o i"], measured: Tensor) -> Factors:
        """B0 = U sqrt(S), A0 = sqrt(S) V^T C^-1, of the largest singular values."""
        moments = measured + self.damping * measured.diagonal().mean().clamp_min(1e-12) * torch.eye(len(measured))
        u, s, v = torch.linalg.svd(weight @ moments, full_matrices=False)
        root = s[: self.rank].sqrt()
        a = torch.linalg.solve(moments, v[: self.rank].mT).mT  # the moments are symmetric
        return u[:, : self.rank] * root, root[:, None] * a


@dataclass(frozen=True, kw_only=True)
class LoRAGA(DataStart):
    """W + s (B A - B0 A0), A0 and B0 = singular directions of the gradient of W, so that the first step is its own.

    Attributes:
        gamma: A0 and B0 have the length (outputs)^(1/4) / gamma^(1/2).
    """

    name: ClassVar[str] = "lora_ga"
    source: ClassVar[str] = "arXiv 2407.05000"
    gamma: float = 16.0

    def __post_init__(self) -> None:
        if self.gamma <= 0:
            raise ConfigError(f"a length is positive, got gamma={self.gamma}")

    def hook(self, layer: nn.Module) -> FromData:
        """The factors of a map; each takes `rank` directions of its own.

        Raises:
            ConfigError: a rank above half the size of the layer.
        """
        require_rank(2 * self.rank, layer, "2 * rank")
        return super().hook(layer)

    def measured(self, model: Model, batch: Any, mine: Mapping[FromData, nn.Module]) -> dict[FromData, Tensor]:
        """The gradient of the loss by the weight of every map, which is frozen again afterwards."""
        weights = [weight_of(layer).requires_grad_(True) for layer in mine.values()]
        found = torch.autograd.grad(model.loss(batch), weights)
        for weight in weights:
            weight.requires_grad_(False)
        return dict(zip(mine, found, strict=True))

    def factors(self, weight: Float[Tensor, "o i"], measured: Tensor) -> Factors:
        """B0 = the directions r + 1 to 2 r of the outputs, A0 = the first r of the inputs."""
        u, _, v = torch.linalg.svd(measured.float(), full_matrices=False)
        length = len(weight) ** 0.25 / self.gamma**0.5
        return length * u[:, self.rank : 2 * self.rank], length * v[: self.rank]
