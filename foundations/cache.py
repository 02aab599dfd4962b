"""Going on with a sequence token by token: keys and values of what came before are kept, not computed again.

    K[:, :n] = k(x[:n]),  V[:, :n] = v(x[:n]),   out[n] = softmax(q[n] K[:, :n+1]^T / sqrt(e)) V[:, :n+1]

The room for all of them is taken once. Sequences that have ended leave it (`keep`), so that the others go on in a
smaller batch, or give their place to new ones (`restart`). All of them write at the same slot, whatever their lengths:
a sequence sees the slots since its own start, and slots that nobody sees any more are taken back when the room is full.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Integer
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
        self.starts = torch.zeros(batch, dtype=torch.long, device=weight.device)
        self.batch, self.filled, self.first, self.restarted = batch, 0, 0, False

    @property
    def lengths(self) -> Integer[Tensor, " b"]:
        """Tokens of every sequence so far."""
        return self.filled - self.starts

    def advance(self, tokens: Tokens) -> Tokens:
        """What the core makes of the next tokens of every sequence (b, n, d): of those that came before, and of these.

        Raises:
            ValueError: more tokens than there is room for, or another number of sequences.
        """
        count, (batch, length) = tokens.grid[0], (self.batch, self.room.shape[-2])
        if self.filled + count > length:
            self._take_back()
        if len(tokens.x) != batch or self.filled + count > length:
            raise ValueError(
                f"this cache holds {batch} sequences of at most {length} tokens, got {len(tokens.x)} with "
                f"{count} tokens after {self.filled}; make a larger one"
            )
        self.first = int(self.starts.min()) if self.restarted else 0  # the first slot that anybody sees
        x = tokens.x
        for number, block in enumerate(self.blocks):
            attend = partial(self._attend, block.attention, self.room[number, :, :batch])
            x = block.around(attend, x, tokens.condition)
        self.filled += count
        return tokens.with_x(x if self.core.norm is None else self.core.norm(x, tokens.condition))

    def keep(self, rows: Integer[Tensor, " kept"]) -> None:
        """Go on with these sequences only; the others give back their place."""
        self.room[:, :, : len(rows), :, : self.filled] = self.room[:, :, rows, :, : self.filled]
        self.batch, self.starts = len(rows), self.starts[rows]

    def restart(self, rows: Integer[Tensor, " new"]) -> None:
        """Other sequences begin in these places."""
        self.starts[rows], self.restarted = self.filled, True

    def _take_back(self) -> None:
        """Move what is still seen to the beginning of the room."""
        first = int(self.starts.min())
        if first:
            self.room[..., : self.filled - first, :] = self.room[..., first : self.filled, :].clone()
            self.starts -= first
            self.filled -= first

    def _seen(self, start: int, end: int) -> Bool[Tensor, "b 1 new slots"] | None:
        """Which slots the tokens of this call see; None for all."""
        slots = torch.arange(self.first, end, device=self.starts.device)
        mask = None
        if end - start > 1:  # a token of this call sees the earlier ones of it
            mask = (slots <= slots[start - end :, None])[None, None]
        if self.restarted:
            own = (slots >= self.starts[:, None])[:, None, None]
            mask = own if mask is None else mask & own
        return mask

    def _attend(
        self, attention: Attention, room: Float[Tensor, "two b heads length e"], x: Float[Tensor, "b n d"]
    ) -> Float[Tensor, "b n d"]:
        start, end = self.filled, self.filled + x.shape[1]
        heads = attention.config.heads
        q, k, v = rearrange(attention.qkv(x), "b n (three heads e) -> three b heads n e", three=3, heads=heads)
        room[0, :, :, start:end], room[1, :, :, start:end] = k, v
        mask = self._seen(start, end)
        seen = room[:, :, :, self.first : end]
        out = F.scaled_dot_product_attention(q, seen[0], seen[1], attn_mask=mask)
        return attention.out(rearrange(out, "b heads n e -> b n (heads e)"))
