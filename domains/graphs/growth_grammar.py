"""Which token may come next where a graph grows edge by edge (see `growth`), so that it is one, and valences hold."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .progress import Progress, state_in
from .vocabulary import EOG, FIRST_INDEX

FIRST, ITEM, MOVED, TARGET, ENDED = range(5)


class GrowthGrammar(Progress):
    """Nodes and edges as the graph grows; arguments and errors as of `Progress`.

    An edge joins a node that was said with a new one, or with one that it is not joined with. The last place is for
    the end token.
    """

    first = FIRST
    counted = ("nodes", "here", "bond")
    nodes: Tensor
    here: Tensor
    bond: Tensor

    @property
    def numbers(self) -> Int[Tensor, " k"]:
        """Those that nodes can have."""
        return torch.arange(self.vocabulary.indices, device=self.device)

    def allowed(self) -> Bool[Tensor, "b tokens"]:
        """The tokens that may come next."""
        vocabulary, state = self.vocabulary, self.state
        rows, kinds = torch.arange(len(state), device=self.device), len(vocabulary.nodes)
        mask = torch.zeros(len(state), len(vocabulary), dtype=torch.bool, device=self.device)
        indices = mask[:, FIRST_INDEX : vocabulary.first_node]
        nodes = mask[:, vocabulary.first_node : vocabulary.first_edge]
        edges = mask[:, vocabulary.first_edge : vocabulary.first_both]
        both = mask[:, vocabulary.first_both : vocabulary.first_both + kinds * len(self.order)]
        room, item = self.length - self.written, state_in(state, ITEM, FIRST)
        more = self.nodes < vocabulary.indices
        nodes |= (item & more & (room >= 2))[:, None]
        top = int(self.nodes.max()) or 1
        joined = self._able(top)  # node, order
        grows = (self.left[:, :top, None] >= self.order.clamp_min(1)) & (self.order <= self.takes.max())
        able = joined.any(-1) & (room >= 4)[:, None] | grows.any(-1) & (more & (room >= 3))[:, None]
        elsewhere = (self.numbers[:top] < self.nodes[:, None]) & (self.numbers[:top] != self.here[:, None])
        indices[:, :top] |= able & elsewhere & (state == ITEM)[:, None]
        here, at = self.here.clamp(0, top - 1), state_in(state, ITEM, MOVED)
        edges |= joined[rows, here] & (at & (room >= 3))[:, None]
        enough = self.left[rows, here][:, None] >= self.order
        fits = self.order[:, None] <= self.takes
        both |= (enough[:, :, None] & fits & (at & more & (room >= 2))[:, None, None]).flatten(1)
        old = self.open[rows, here] & (self.left >= self.order[self.bond][:, None])
        indices |= old & (state == TARGET)[:, None]
        mask[:, EOG] = state == ITEM
        mask[:, vocabulary.pad] = state == ENDED
        return mask

    def _able(self, top: int) -> Bool[Tensor, "b k orders"]:
        """Whether a node may be joined with one that was said, for every order of the bond, for the first `top`."""
        enough = self.left[:, :top, None] >= self.order
        return enough & (self.open[:, :top, :top].float() @ enough.float() > 0)

    def advance(self, tokens: Int[Tensor, " b"]) -> None:
        """Write a token to every sequence."""
        vocabulary, state, first_both = self.vocabulary, self.state, self.vocabulary.first_both
        rows, kinds = torch.arange(len(state), device=self.device), len(vocabulary.nodes)
        index, going = tokens - FIRST_INDEX, state != ENDED
        moves = going & (index >= 0) & (tokens < vocabulary.first_node) & (state != TARGET)
        alone = going & (tokens >= vocabulary.first_node) & (tokens < vocabulary.first_edge)
        joins = going & (tokens >= vocabulary.first_edge) & (tokens < first_both)
        grows = going & (tokens >= first_both) & (tokens < first_both + kinds * len(self.order))
        pair = (tokens - first_both).clamp_min(0)
        self._say(rows[alone | grows], torch.where(grows, pair % kinds, tokens - vocabulary.first_node))
        bond = torch.where(grows, pair // kinds, tokens - vocabulary.first_edge)
        self.bond = torch.where(grows | joins, bond, self.bond)
        self._join(rows[grows | (state == TARGET)], torch.where(grows, self.nodes - 1, index))
        self.here = torch.where(alone | grows, self.nodes - 1, torch.where(moves, index, self.here))
        following = torch.where(moves, MOVED, torch.where(joins, TARGET, ITEM))
        self.state = torch.where((tokens == EOG) | ~going, ENDED, following)
        self.written = self.written + 1

    def _say(self, at: Tensor, kind: Tensor) -> None:
        """A new node, which takes the next number."""
        number = self.nodes[at]
        earlier = self.numbers < number[:, None]
        self.left[at, number] = self.takes[kind[at]]
        self.open[at, number] = earlier
        self.open[at, :, number] = earlier
        self.nodes[at] += 1

    def _join(self, at: Tensor, target: Tensor) -> None:
        a, b, order = self.here[at], target[at], self.order[self.bond[at]]
        self.open[at, a, b] = False
        self.open[at, b, a] = False
        self.left[at, a] -= order
        self.left[at, b] -= order
