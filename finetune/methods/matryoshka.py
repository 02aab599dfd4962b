"""Embeddings whose first numbers are of use by themselves (Matryoshka representations, arXiv 2205.13147)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model, bare

from ..method import Kind, Method, train_only


@dataclass(frozen=True, kw_only=True)
class Matryoshka(Method):
    """sum over m of loss(head(first m numbers of every token)): full training of tokens that may be cut short.

    The head is one for all m, as its first columns are its own for the first m numbers (the tied form, MRL-E). Which is
    exact for heads that begin with a linear map; another one sees the rest as zero.

    Published: powers of two from 8 on, all of weight 1.

    Attributes:
        dims: values of m; powers of two from `least` below the width if there are none. All of the width counts always.
        least: the smallest of these.
        weight: of every m but the width, relative to it.
    """

    name: ClassVar[str] = "matryoshka"
    kind: ClassVar[Kind] = "objective"
    source: ClassVar[str] = "arXiv 2205.13147"
    dims: tuple[int, ...] = ()
    least: int = 4
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.least < 1 or any(m < 1 for m in self.dims):
            raise ConfigError(f"a cut keeps a number at least, got dims={self.dims}, least={self.least}")

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen."""
        train_only(model, lambda name, parameter: True)
        return model

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The model's loss, and that of every cut.

        Raises:
            ConfigError: a cut beyond the width.
        """
        tokens, own = model.encode(batch), bare(batch)
        found = {"loss": model.head.loss(model.head(tokens, own), own), **model.context.losses}
        for m in self.nested(tokens.x.shape[-1]):
            cut = model.head(tokens.with_x(first(tokens.x, m)), own)
            found[f"loss of {m}"] = self.weight * model.head.loss(cut, own)
        return found

    def nested(self, width: int) -> list[int]:
        """The cuts below the width."""
        if any(m > width for m in self.dims):
            raise ConfigError(f"a cut is within the width of a token, got dims={self.dims} for {width}; leave it out")
        powers = (2**k for k in range(width.bit_length()))
        return [m for m in (self.dims or powers) if m < width and (self.dims or m >= self.least)]


def first(x: Float[Tensor, "b *grid d"], m: int) -> Float[Tensor, "b *grid d"]:
    """The first m numbers of every token, and zeros."""
    kept = x.new_zeros(x.shape[-1])
    kept[:m] = 1
    return x * kept
