"""Learned tokens that every token of the trunk may read: deep prompts (arXiv 2203.12119) and prefixes (2101.00190).

In windows on a grid, prompts belong to every window: they are among the keys and values of each, never of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Attention, ConfigError, Context, Memory

from ..adapter import HookAdapter
from ..hook import MemoryMap
from ..method import Kind

ATTENTION = r"^core\..*attention$"


class Prompts(MemoryMap):
    """Tokens p of the layer's width: keys W_k p and values W_v p by the layer's own map; the gate is zero first."""

    def __init__(self, layer: Attention, length: int) -> None:
        super().__init__()
        self.layer = [layer]  # in a list: it is no part of the hook
        self.tokens = nn.Parameter(torch.randn(length, width_of_attention(layer)))
        self.gate = nn.Parameter(torch.zeros(layer.config.heads))

    def memory(self, x: Float[Tensor, "b *grid d"], context: Context) -> Memory:
        """The tokens, the same for all samples."""
        _, keys, values = projected(self.layer[0], self.tokens[None])
        return Memory(keys, values, self.gate)


class Prefix(MemoryMap):
    """Keys and values of their own; the gate is zero first."""

    def __init__(self, layer: Attention, length: int) -> None:
        super().__init__()
        self.keys, self.values = (nn.Parameter(torch.randn(length, width_of_attention(layer))) for _ in range(2))
        self.gate = nn.Parameter(torch.zeros(layer.config.heads))

    def memory(self, x: Float[Tensor, "b *grid d"], context: Context) -> Memory:
        """The prefix, the same for all samples."""
        return Memory(self.keys[None], self.values[None], self.gate)


def width_of_attention(layer: Attention) -> int:
    """Channels of an attention."""
    return int(layer.out.weight.shape[-1])


def projected(layer: Attention, tokens: Float[Tensor, "b t d"]) -> tuple[Tensor, ...]:
    """Queries, keys and values that an attention makes of tokens."""
    made: Tensor = layer.qkv(tokens.to(layer.out.weight.dtype))
    return made.to(tokens.dtype).chunk(3, dim=-1)


@dataclass(frozen=True, kw_only=True)
class PromptTuning(HookAdapter):
    """out + g softmax(q K(p)^T) V(p): learned tokens p beside the keys and values of every window of every block.

    Published: length 10.

    Attributes:
        length: tokens a block.
    """

    name: ClassVar[str] = "prompts"
    kind: ClassVar[Kind] = "tokens"
    source: ClassVar[str] = "arXiv 2203.12119, gated as in 2303.16199"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Attention,)
    targets: str = ATTENTION
    length: int = 10

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ConfigError(f"there is a token at least, got length={self.length}")

    def hook(self, layer: nn.Module) -> MemoryMap:
        """The tokens of a block."""
        assert isinstance(layer, Attention)
        return Prompts(layer, self.length)


@dataclass(frozen=True, kw_only=True)
class PrefixTuning(PromptTuning):
    """out + g softmax(q P_k^T) P_v: learned keys and values beside those of every window of every block.

    Attributes:
        length: of them, a block.
    """

    name: ClassVar[str] = "prefix"
    source: ClassVar[str] = "arXiv 2101.00190, gated as in 2303.16199"

    def hook(self, layer: nn.Module) -> MemoryMap:
        """The keys and values of a block."""
        assert isinstance(layer, Attention)
        return Prefix(layer, self.length)
