"""Adaptation without gradients, block by block, by an evolution strategy (BBTv2, arXiv 2205.11200)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context, Model

from ..adapted import M, hooks
from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap
from ..layers import width_of
from ..method import Kind


class Projected(FeatureMap):
    """(1 + gamma) y + s beta with [gamma; beta] = A z, A random and fixed, z of few numbers, zero at the start.

    Entries of A are normal of deviation 1 / sqrt(k), made again from a seed; s is the deviation of what the block puts
    out, measured when the search begins, so that an adapter is z and s. On a grid in windows, scales and shifts take
    the place of the published prompts.
    """

    matrix: Tensor
    deviation: Tensor

    def __init__(self, width: int, way: CMA) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(way.seed)
        matrix = torch.randn(2 * width, way.directions, generator=generator) / way.directions**0.5
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("deviation", torch.ones(()))
        self.z = nn.Parameter(torch.zeros(way.directions), requires_grad=False)
        self.measures = False
        self.strategy: Any = None  # of the search

    def __getstate__(self) -> dict[str, Any]:
        """All but the search, which a copy and what comes out of a pickle begin anew."""
        return {**self.__dict__, "strategy": None}

    def features(self, x: Float[Tensor, "b *d"], y: Float[Tensor, "b *d"], context: Context) -> Float[Tensor, "b *d"]:
        """The output, scaled and shifted channel by channel."""
        if self.measures:
            self.deviation.copy_(clipped_deviation(y))
        gamma, beta = (self.matrix @ self.z).to(y.dtype).chunk(2)
        return (1 + gamma) * y + self.deviation * beta


def clipped_deviation(values: Tensor) -> Tensor:
    """The standard deviation of values that five times were cut at three deviations from their mean."""
    found = values.detach().flatten()
    for _ in range(5):
        centre, reach = found.mean(), 3 * found.std()
        found = found.clamp(centre - reach, centre + reach)
    return found.std()


@dataclass(frozen=True, kw_only=True)
class CMA(HookAdapter):
    """(1 + gamma) y + s beta behind every block, [gamma; beta] = A z: each z is found by CMA-ES, without gradients.

    For models that are served, quantised, or have a solver inside. A step draws a population for one block, the next
    step for the next; each costs a forward pass a candidate and one more. The best of the
    candidates and of what was there is kept, as the batch of the step says, so give it all samples at once where they
    fit. Nothing else is trained: the data have the model's own variables. A run that was killed begins anew, and ends
    the same.

    Published: 500 directions and 20 candidates for 50 prompts a block, 8000 forward passes in all.

    Attributes:
        directions: k, numbers that are searched a block.
        population: candidates a step.
        spread: deviation of the first candidates, in z.
        seed: of A and of the candidates.
    """

    name: ClassVar[str] = "cma"
    trains: ClassVar[str] = "numbers a block, searched"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2205.11200; cma"
    mergeable: ClassVar[bool] = False
    gradients: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    whole: tuple[str, ...] = ()
    directions: int = 16
    population: int = 8
    spread: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.whole:
            raise ConfigError(f"without gradients no part is trained whole, got whole={self.whole}; leave it out")
        if self.directions < 2 or self.population < 4 or self.spread <= 0:
            raise ConfigError(
                "a search has two directions and four candidates at least, and a positive spread, got "
                f"directions={self.directions}, population={self.population}, spread={self.spread}"
            )

    def hook(self, layer: nn.Module) -> Projected:
        """The scales and shifts of a block."""
        return Projected(width_of(layer), self)

    def freeze(self, model: M, adapter: str) -> M:
        """No parameter wants a gradient."""
        return model.requires_grad_(False)

    @torch.no_grad()
    def begin(self, model: Model, batch: Any) -> None:
        """The deviation of what every block puts out, in one forward pass."""
        mine = [hook for hook in hooks(model) if isinstance(hook, Projected)]
        for hook in mine:
            hook.measures = True
        model.loss(batch)
        for hook in mine:
            hook.measures = False

    @torch.no_grad()
    def search(self, model: Model, batch: Any, step: int, length: int) -> Tensor:
        """One population for one block; the loss of what is kept.

        Raises:
            ImportError: `cma` is not installed.
        """
        mine = [hook for hook in hooks(model) if isinstance(hook, Projected)]
        hook, was = mine[step % len(mine)], model.training
        model.eval()
        if hook.strategy is None:
            hook.strategy = strategy(self, self.seed + 1 + step % len(mine))
        candidates = hook.strategy.ask()
        tried = [hook.z.clone(), *(torch.as_tensor(c, dtype=hook.z.dtype, device=hook.z.device) for c in candidates)]
        losses = []
        for z in tried:
            hook.z.copy_(z)
            losses.append(float(model.loss(batch)))
        hook.strategy.tell(candidates, losses[1:])
        best = int(np.argmin(losses))
        hook.z.copy_(tried[best])
        model.train(was)
        return torch.tensor(losses[best])


def strategy(way: CMA, seed: int) -> Any:
    """A CMA-ES with chance of its own.

    Raises:
        ImportError: `cma` is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import cma
    except ImportError as error:
        raise ImportError('a search without gradients needs cma: pip install "humboldt[search]"') from error
    chance = np.random.default_rng(seed)
    options = {
        "popsize": way.population,
        "verbose": -9,
        "seed": np.nan,
        "randn": lambda *shape: chance.standard_normal(shape),
    }
    return cma.CMAEvolutionStrategy([0.0] * way.directions, way.spread, options)
