"""What a method may put at a site: a map of its weights, of its features or of its tokens, or what they read.

A hook is an `nn.Module` whose parameters are trained; what it must remember from step to step are buffers, so that a
run that was killed goes on bit for bit. At the start it changes nothing: zero, one or closed, but never with a zero on
both sides of a product, or nothing would ever move.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Context, Memory, Tokens


class Hook(nn.Module, ABC):
    """What is added at one site by one adapter.

    Attributes:
        site: dotted name of the layer, set when it is attached.
        reads: words of the `Context` that it needs; a hook that reads any cannot be merged.
        composes: whether another hook may share the site.
    """

    site: str = ""
    reads: ClassVar[tuple[str, ...]] = ()
    composes: ClassVar[bool] = True

    def on_next_run(self) -> None:
        """Before a further run, on other data, that goes on with what this hook has learned."""

    def on_gradients(self, step: int, length: int) -> None:
        """Between the backward pass and the optimiser's step number `step` (from 0) of `length`."""

    def on_step(self, step: int, length: int) -> None:
        """After `step` steps of `length`."""


class WeightMap(Hook):
    """W -> W': other weights for the layer, which then runs as it always does; merges exactly."""

    @abstractmethod
    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The weights that change, of all parameters of the layer by name."""


class FeatureMap(Hook):
    """(x, y) -> y': another output for the layer, from its input x and its output y = f(x)."""

    @abstractmethod
    def features(self, x: Float[Tensor, "b *i"], y: Float[Tensor, "b *o"], context: Context) -> Float[Tensor, "b *o"]:
        """The output; of a layer that takes `Tokens`, x and y are their features."""


class TokenMap(Hook):
    """Other tokens for a layer that takes and gives `Tokens`, and afterwards the old ones again."""

    @abstractmethod
    def before(self, tokens: Tokens, context: Context) -> Tokens:
        """What the layer sees."""

    def after(self, tokens: Tokens, out: Tokens, context: Context) -> Tokens:
        """What becomes of its output; `tokens` is what came in before the map."""
        return out


class MemoryMap(Hook):
    """More keys and values for an `Attention`, which every token reads beside those of its window."""

    @abstractmethod
    def memory(self, x: Float[Tensor, "b *grid d"], context: Context) -> Memory:
        """What is read, from the tokens that attend."""
