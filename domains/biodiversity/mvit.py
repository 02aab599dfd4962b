"""The other published backbone: full attention on one scale, where the query is added to what it attends to."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Attention, Core, CoreConfig, TimeNorm, Tokens


class QueryResidualAttention(Attention):
    """W (softmax(q k^T / sqrt(e)) v + q): attention with the residual of MViT v2 (arXiv 2112.01526, eq. 4)."""

    def _attend(self, qkv: Tensor, bias: Tensor | None) -> Float[Tensor, "b m n heads e"]:
        return super()._attend(qkv, bias) + qkv[:, :, :, 0]


class MViT(Core):
    """A core whose attention adds the query, between a linear map with learned places and a norm with a linear map.

    Nothing is pooled, as in the released configuration.

    Args:
        config: one scale of pre-norm blocks with full attention.
        grid: tokens along each axis, on which the learned places lie.
    """

    def __init__(self, config: CoreConfig, grid: tuple[int, int, int]) -> None:
        super().__init__(config)
        scale, (blocks,) = config.scales[0], [self.scales[0].down]
        for block in blocks:
            block.attention = QueryResidualAttention(scale.width, config.axes, block.config.attention)
        self.first, self.last = nn.Linear(scale.width, scale.width), nn.Linear(scale.width, scale.width)
        self.places = nn.Parameter(torch.zeros(*grid, scale.width))
        self.last_norm = TimeNorm(scale.width, eps=config.norm_eps)

    def forward(self, tokens: Tokens) -> Tokens:
        """Same grid, same width.

        Raises:
            ValueError: another grid than the one of the learned places.
        """
        if tokens.grid != tuple(self.places.shape[:-1]):
            raise ValueError(
                f"learned places lie on the grid {tuple(self.places.shape[:-1])}, got tokens on {tokens.grid}; "
                "build the model for this grid"
            )
        tokens = super().forward(tokens.with_x(self.first(tokens.x) + self.places))
        return tokens.with_x(self.last(self.last_norm(tokens.x)))
