"""The core: it only wires the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from .block import Block
from .config import BlockConfig, CoreConfig, ScaleConfig
from .linear import Linear
from .norms import TimeNorm
from .scales import Merge, Split
from .skips import SKIPS
from .tokens import Tokens


class Scale(nn.Module):
    """The blocks of one scale, and the way to the next coarser one if there is one."""

    down: Sequence[Block]
    skip: Sequence[nn.Module]
    up: Sequence[Block]
    merge: Merge
    split: Split

    def __init__(self, config: CoreConfig, scale: ScaleConfig, coarser: ScaleConfig | None) -> None:
        super().__init__()

        def stack(blocks: tuple[BlockConfig, ...]) -> Any:
            shared = (scale.width, config.axes, config.condition)
            make = (Block(*shared, b, config.norm_eps, config.bias) for b in blocks)
            return nn.ModuleList(make)

        skip = SKIPS[config.skip_kind]
        self.down = stack(scale.down)
        convolutions = (skip(scale.width, config.axes, config.condition, config.norm_eps) for _ in range(scale.skip))
        self.skip = cast("Sequence[nn.Module]", nn.ModuleList(convolutions))
        self.up = stack(scale.up)
        if coarser is not None:
            before = config.merge_norm == "before"
            self.merge = Merge(scale.width, coarser.width, scale.merge, config.condition, before)
            self.split = Split(coarser.width, scale.width, scale.merge, 0 if before else config.condition)


class Core(nn.Module):
    """A transformer over scales: down through the blocks and merges, through the skips, up through splits and blocks.

    Same grid, same width out as in; any grid size (padding inside, cropped back).

    Args:
        config: the scales and their blocks.
    """

    scales: Sequence[Scale]

    def __init__(self, config: CoreConfig) -> None:
        super().__init__()
        self.config = config
        coarser = [*config.scales[1:], None]
        scales = (Scale(config, s, c) for s, c in zip(config.scales, coarser, strict=True))
        self.scales = cast("Sequence[Scale]", nn.ModuleList(scales))
        width = config.scales[0].width
        self.join = Linear(2 * width, width) if config.join == "concatenate" else None
        self.norm = TimeNorm(width, config.condition, bias=config.bias) if config.final_norm else None
        self.checkpointing = False

    def forward(self, tokens: Tokens) -> Tokens:
        """Tokens of any grid with `config.axes` axes.

        Raises:
            ValueError: another number of grid axes or channels than configured.
        """
        axes, width = self.config.axes, self.config.scales[0].width
        if len(tokens.grid) != axes or tokens.x.shape[-1] != width:
            raise ValueError(
                f"this core takes tokens of {axes} grid axes and width {width}, got shape {tuple(tokens.x.shape)}"
            )
        tokens = tokens.with_x(tokens.seen())
        kept: list[Tokens] = []
        for scale in self.scales:
            before = tokens
            tokens = self._run(scale.down, tokens)
            kept.append(tokens)
            if hasattr(scale, "merge"):
                tokens = scale.merge(tokens.with_x(tokens.x + before.x) if self.config.residual_scale else tokens)
        kept = [self._run(scale.skip, state) for scale, state in zip(self.scales, kept, strict=True)]
        finest, tokens = kept[0].x, kept.pop()
        for scale in reversed(self.scales):
            if hasattr(scale, "split"):
                state = kept.pop()
                tokens = scale.split(tokens, like=state)
                if self.join is None or len(kept) < len(self.scales) - 2:
                    tokens = tokens.with_x(tokens.x + state.x)
            tokens = self._run(scale.up, tokens)
        if self.join is not None:
            tokens = tokens.with_x(self.join(torch.cat([tokens.x, finest], dim=-1)))
        return tokens if self.norm is None else tokens.with_x(self.norm(tokens.x, tokens.condition))

    def _run(self, blocks: Iterable[nn.Module], tokens: Tokens) -> Tokens:
        for block in blocks:
            if self.checkpointing and self.training:
                tokens = checkpoint(block, tokens, use_reentrant=False)
            else:
                tokens = block(tokens)
        return tokens
