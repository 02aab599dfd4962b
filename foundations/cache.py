"""Going on with a sequence token by token: keys and values of what came before are kept, not computed again.

    K[:, :n] = k(x[:n]),  V[:, :n] = v(x[:n]),   out[n] = softmax(q[n] K[:, :n+1]^T / sqrt(e)) V[:, :n+1]

The room for all of them is taken once. All sequences of a cache are equally long; those that have ended leave it
(`keep`), so that the others go on in a smaller batch.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Integer
from torch import Tensor

from .attention import Attention
from .block import Block
from .config import ConfigError
from .core import Core
from .tokens import Tokens


class Cache:
    """Keys and values of `batch` sequences of at most `length` tokens, for every block of a causal core.

    Args:
        core: one scale, causal, dot similarity, no position bias.
        batch: number of sequences.
        length: most tokens of a sequence.

    Raises:
        ConfigError: a core whose tokens see what comes after them, or that needs more than keys and values.
    """

    def __init__(self, core: Core, batch: int, length: int) -> None:
        blocks = [*core.scales[0].down, *core.scales[0].up]
        if wrapped := [b for b in blocks if type(b) is not Block or type(b.attention) is not Attention]:
            raise ConfigError(
                "a cache runs blocks and their attention in its own way, got one that an adapter stands around: "
                f"{type(wrapped[0]).__name__}; merge the adapter, or adapt linear maps instead"
            )
        for block in blocks:
            a = block.config.attention
            if not a.causal or a.similarity != "dot" or a.position != "none":
                raise ConfigError(
                    "a cache serves causal attention by dot products without a position bias, got "
                    f"causal={a.causal}, similarity={a.similarity!r}, position={a.position!r}; run the whole sequence"
                )
        weight = blocks[0].attention.out.weight
        heads = blocks[0].config.attention.heads
        shape = (len(blocks), 2, batch, heads, length, weight.shape[0] // heads)
        self.core, self.blocks = core, blocks
        self.room = torch.empty(shape, dtype=weight.dtype, device=weight.device)
        self.batch, self.filled = batch, 0

    def advance(self, tokens: Tokens) -> Tokens:
        """What the core makes of the next tokens of every sequence (b, n, d): of those that came before, and of these.

        Raises:
            ValueError: more tokens than there is room for, or another number of sequences.
        """
        count, (batch, length) = tokens.grid[0], (self.batch, self.room.shape[-2])
        if len(tokens.x) != batch or self.filled + count > length:
            raise ValueError(
                f"this cache holds {batch} sequences of at most {length} tokens, got {len(tokens.x)} with "
                f"{count} tokens after {self.filled}; make a larger one"
            )
        x = tokens.x
        for number, block in enumerate(self.blocks):
            attend = partial(self._attend, block.attention, self.room[number, :, :batch])
            x = block.around(attend, x, tokens.condition)
        self.filled += count
        return tokens.with_x(x if self.core.norm is None else self.core.norm(x, tokens.condition))

    def keep(self, rows: Integer[Tensor, " kept"]) -> None:
        """Go on with these sequences only; the others give back their place."""
        self.room[:, :, : len(rows), :, : self.filled] = self.room[:, :, rows, :, : self.filled]
        self.batch = len(rows)

    def _attend(
        self, attention: Attention, room: Float[Tensor, "two b heads length e"], x: Float[Tensor, "b n d"]
    ) -> Float[Tensor, "b n d"]:
        start, end = self.filled, self.filled + x.shape[1]
        heads = attention.config.heads
        q, k, v = rearrange(attention.qkv(x), "b n (three heads e) -> three b heads n e", three=3, heads=heads)
        room[0, :, :, start:end], room[1, :, :, start:end] = k, v
        mask = None
        if len(x[0]) > 1:  # a token of this call sees the earlier ones of it
            mask = torch.ones(end - start, end, dtype=torch.bool, device=x.device).tril(start)
        out = F.scaled_dot_product_attention(q, room[0, :, :, :end], room[1, :, :, :end], attn_mask=mask)
        return attention.out(rearrange(out, "b heads n e -> b n (heads e)"))
