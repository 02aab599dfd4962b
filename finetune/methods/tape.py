"""More tokens for samples that need them, from a learned bank (AdaTape, arXiv 2301.13195)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from humboldt.foundations import Attention, ConfigError, Context, Memory

from ..adapter import HookAdapter
from ..hook import MemoryMap
from ..layers import finest
from ..method import Kind
from .prompts import ATTENTION, projected, width_of_attention


class Tape(MemoryMap):
    """Tokens of a bank, read one after the other until their weights sum to a threshold; the gate is zero first.

    With the query q of a sample, w = softmax(bank q / sqrt(d)) over tokens that were not read; the token of the largest
    w is read, times w, and q becomes the mean of q and that token. A loss of sum (1 - |w|^2) asks for clear choices.
    """

    reads = ("instance",)

    def __init__(self, layer: Attention, way: TapeAdapter) -> None:
        super().__init__()
        width = width_of_attention(layer)
        self.layer, self.way = [layer], way  # in a list: it is no part of the hook
        self.bank = nn.Parameter(torch.randn(way.bank, width))
        self.query = nn.Linear(width, width, bias=False)
        self.gate = nn.Parameter(torch.zeros(layer.config.heads))

    def memory(self, x: Float[Tensor, "b *grid d"], context: Context) -> Memory:
        """What every sample reads."""
        instance = context.need("instance", "the tape").to(self.bank.dtype)
        index, weight, present, doubt = self.choose(instance)
        if self.training:
            context.losses[f"tape {self.site}"] = self.way.ponder * doubt
        _, keys, values = projected(self.layer[0], self.bank[index] * weight.unsqueeze(-1))
        return Memory(keys, values, self.gate, present)

    def choose(
        self, instance: Float[Tensor, "b d"]
    ) -> tuple[Integer[Tensor, "b t"], Float[Tensor, "b t"], Bool[Tensor, "b t"], Float[Tensor, ""]]:
        """Which tokens a sample reads, with what weight, how many of them, and the mean doubt of the choices."""
        query = self.query(instance)
        used = torch.zeros(len(query), len(self.bank), dtype=torch.bool, device=query.device)
        spent, doubt = query.new_zeros(len(query)), query.new_zeros(len(query))
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for _ in range(self.way.most):
            present = spent < self.way.threshold
            scores = query @ self.bank.mT / self.bank.shape[1] ** 0.5
            share = scores.masked_fill(used, -torch.inf).softmax(-1)
            weight, index = share.max(-1)
            doubt = doubt + present * (1 - share.square().sum(-1))
            spent = spent + present * weight.detach()
            used = used.scatter(1, index[:, None], True)
            query = (query + self.bank[index]) / 2
            found.append((index, weight, present))
        chosen, weights, there = (torch.stack(part, dim=1) for part in zip(*found, strict=True))
        return chosen, weights, there, doubt.mean()


@dataclass(frozen=True, kw_only=True)
class TapeAdapter(HookAdapter):
    """out + g softmax(q K(t)^T) V(t): tokens t of a learned bank, as many as a sample needs, read in every window.

    It looks at the whole sample, so causal attention is no site.

    Published: up to 10 tokens until their weights sum to 2, ponder 0.01.

    Attributes:
        bank: tokens to choose from, a block.
        most: tokens that a sample may read.
        threshold: reading ends when the weights sum to it; small weights stand for doubt, so that doubt reads more.
        ponder: weight of the doubt in the loss.
    """

    name: ClassVar[str] = "tape"
    kind: ClassVar[Kind] = "tokens"
    source: ClassVar[str] = "arXiv 2301.13195"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Attention,)
    targets: str = ATTENTION
    bank: int = 32
    most: int = 8
    threshold: float = 1.0
    ponder: float = 0.01

    def __post_init__(self) -> None:
        if not 1 <= self.most <= self.bank or self.threshold <= 0:
            raise ConfigError(
                "a sample reads between one and all tokens of the bank, until a positive threshold, got "
                f"most={self.most}, bank={self.bank}, threshold={self.threshold}"
            )

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Attention that looks both ways."""
        return isinstance(layer, Attention) and not layer.config.causal

    def sites(self, model: nn.Module) -> list[str]:
        """Those of the finest scale, whose tokens have the embedding's width."""
        return finest(model, super().sites(model))

    def hook(self, layer: nn.Module) -> Tape:
        """The bank of a block."""
        assert isinstance(layer, Attention)
        return Tape(layer, self)
