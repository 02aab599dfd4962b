"""Blocks on a line: weights that are affine in depth, from which a core of any depth begins (arXiv 2312.05614)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context

from ..adapter import BLOCKS, HookAdapter
from ..hook import Hook, WeightMap
from ..method import Kind


class Line(WeightMap):
    """theta_l = theta_B + (l / L) theta_A for every parameter of block l of L; all blocks of a stack share both."""

    composes = False

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        own = dict(block.named_parameters())
        self.names, self.place = list(own), 1.0
        self.owner: list[Line] = []  # in a list: it is no part of the hook
        self.start: nn.ParameterList | None = nn.ParameterList(nn.Parameter(p.detach().clone()) for p in own.values())
        self.slope: nn.ParameterList | None = nn.ParameterList(nn.Parameter(torch.zeros_like(p)) for p in own.values())

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The point of the line where the block is."""
        line = self.owner[0] if self.owner else self
        assert line.start is not None
        assert line.slope is not None
        pairs = zip(self.names, line.start, line.slope, strict=True)
        return {name: start + self.place * slope for name, start, slope in pairs}

    @torch.no_grad()
    def fit(self, stack: list[Line]) -> None:
        """Own the line that is nearest to the blocks of a stack, in the least squares of every weight."""
        assert self.start is not None
        assert self.slope is not None
        count = len(stack)
        for number, line in enumerate(stack, start=1):
            line.place = number / count
        centre = sum(line.place for line in stack) / count
        spread = sum((line.place - centre) ** 2 for line in stack)
        for index, (start, slope) in enumerate(zip(self.start, self.slope, strict=True)):
            there = [line.start[index] for line in stack if line.start is not None]
            if spread:
                steps = [(line.place - centre) * (w - there[0]) for line, w in zip(stack, there, strict=True)]
                slope.copy_(torch.stack(steps).sum(0) / spread)
            start.copy_(torch.stack([w - there[0] for w in there]).mean(0) + there[0] - centre * slope)


@dataclass(frozen=True, kw_only=True)
class Learngene(HookAdapter):
    """theta_B + (l / L) theta_A: the blocks of every stack are tied to a line, which is trained.

    Stacks of one or two blocks start where they were; longer ones start at the line that fits them best. What is
    learned is two blocks a stack, whatever its depth: `humboldt.finetune.deepened` makes a model of another
    depth of it, which is then trained as ever.
    """

    name: ClassVar[str] = "learngene"
    trains: ClassVar[str] = "a line a stack"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "arXiv 2312.05614"
    start_tolerance: ClassVar[float] = math.inf
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS

    def hook(self, layer: nn.Module) -> Line:
        """A block's place on the line."""
        return Line(layer)

    def join(self, hooks: list[Hook]) -> None:
        """Every stack has one line.

        Raises:
            ConfigError: blocks of a stack with other weights.
        """
        stacks: dict[str, list[Line]] = {}
        for hook in hooks:
            assert isinstance(hook, Line)
            stacks.setdefault(hook.site.rpartition(".")[0], []).append(hook)
        for name, stack in stacks.items():
            shapes = {tuple((n, p.shape) for n, p in zip(h.names, h.start or (), strict=True)) for h in stack}
            if len(shapes) > 1:
                raise ConfigError(
                    f"blocks on a line have the same weights, got others in {name}; leave it out (exclude)"
                )
            stack[0].fit(stack)
            for other in stack[1:]:
                other.owner, other.start, other.slope = [stack[0]], None, None
