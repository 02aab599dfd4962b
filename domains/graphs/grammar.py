"""Which token may come next, so that a sequence is a graph, and every valence holds.

The places of a sequence have types, so a few numbers per sequence say what is allowed: what is expected now, how many
nodes there are, which pairs are joined, and how many bonds every node can still take.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .progress import Progress, state_in
from .vocabulary import BOG, EOC, EOG, FIRST_INDEX, SEPC, SEPG

KIND, INDEX, AFTER_NODE, OPEN, FIRST_EDGE, SOURCE, TARGET, TYPE, AFTER_EDGE, ENDED = range(10)


class Grammar(Progress):
    """The nodes first, then the edges; arguments and errors as of `Progress`.

    A node is followed by the next number; an edge joins two different nodes that are not joined yet. The node part ends
    in time for the rest to fit into `length`; the edge part ends at the latest when there is no room for another edge
    or no pair left.
    """

    first = KIND
    counted = ("nodes", "source", "target")
    nodes: Tensor
    source: Tensor
    target: Tensor

    def allowed(self) -> Bool[Tensor, "b tokens"]:
        """The tokens that may come next."""
        vocabulary, state = self.vocabulary, self.state
        mask = torch.zeros(len(state), len(vocabulary), dtype=torch.bool, device=self.device)
        room = self.length - self.written
        first_node, first_edge = vocabulary.first_node, vocabulary.first_edge
        mask[:, first_node:first_edge] = (state == KIND)[:, None]
        rows = torch.arange(len(state), device=self.device)
        mask[rows, FIRST_INDEX + self.nodes.clamp_max(vocabulary.indices - 1)] = state == INDEX
        after = state == AFTER_NODE
        mask[:, SEPC] = after & (self.nodes < vocabulary.indices) & (room >= 6)
        mask[:, EOC] = after
        mask[:, BOG] = state == OPEN
        edge = 4 if vocabulary.edge_type_token else 3
        sources = state_in(state, FIRST_EDGE, SOURCE, AFTER_EDGE)
        indices = mask[:, FIRST_INDEX:first_node]
        if sources.any():
            able = self._partners().any(-1)
            first = (state == FIRST_EDGE) & (room >= edge)
            indices |= able & (first | (state == SOURCE))[:, None]
            mask[:, SEPG] = (state == AFTER_EDGE) & able.any(-1) & (room >= edge + 1)
        if (state == TARGET).any():
            indices |= self._partners()[rows, self.source] & (state == TARGET)[:, None]
        if (state == TYPE).any():
            least = torch.minimum(self.left[rows, self.source], self.left[rows, self.target])
            mask[:, first_edge : first_edge + len(vocabulary.edges)] = (self.order <= least[:, None]) & (state == TYPE)[
                :, None
            ]
        mask[:, EOG] = state_in(state, FIRST_EDGE, AFTER_EDGE)
        mask[:, vocabulary.pad] = state == ENDED
        return mask

    def _partners(self) -> Bool[Tensor, "b k k"]:
        """Pairs that may still be joined: not joined yet, and both can take the smallest bond."""
        smallest = max(int(self.order.min()), 1)
        able = self.left >= smallest
        return self.open & able[:, :, None] & able[:, None, :]

    def advance(self, tokens: Int[Tensor, " b"]) -> None:
        """Write a token to every sequence."""
        state, rows = self.state, torch.arange(len(self.state), device=self.device)
        index = (tokens - FIRST_INDEX).clamp(0, self.vocabulary.indices - 1)
        kind = (tokens - self.vocabulary.first_node).clamp(0, len(self.vocabulary.nodes) - 1)
        at = rows[state == KIND]
        self.left[at, self.nodes[at]] = self.takes[kind[at]]
        at = rows[state == INDEX]
        earlier = torch.arange(self.vocabulary.indices, device=self.device) < self.nodes[at, None]
        self.open[at, self.nodes[at]] = earlier
        self.open[at, :, self.nodes[at]] = earlier
        self.nodes[at] += 1
        starts = state_in(state, FIRST_EDGE, SOURCE)
        self.source = torch.where(starts, index, self.source)
        self.target = torch.where(state == TARGET, index, self.target)
        self._join(rows[state == (TYPE if self.vocabulary.edge_type_token else TARGET)], tokens)
        self.state = self._next(tokens)
        self.written = self.written + 1

    def _join(self, at: Tensor, tokens: Tensor) -> None:
        a, b = self.source[at], self.target[at]
        self.open[at, a, b] = False
        self.open[at, b, a] = False
        if self.vocabulary.edge_type_token:
            order = self.order[tokens[at] - self.vocabulary.first_edge]
            self.left[at, a] -= order
            self.left[at, b] -= order

    def _next(self, tokens: Tensor) -> Tensor:
        following = torch.tensor(self._following, device=self.device)[self.state]
        changes = {EOC: OPEN, SEPC: KIND, SEPG: SOURCE, EOG: ENDED, BOG: FIRST_EDGE}
        for token, state in changes.items():
            following = torch.where(tokens == token, state, following)
        return torch.where(self.state == ENDED, ENDED, following)

    @property
    def _following(self) -> list[int]:
        """State after each state, where the token does not decide."""
        after_target = TYPE if self.vocabulary.edge_type_token else AFTER_EDGE
        return [INDEX, AFTER_NODE, KIND, FIRST_EDGE, TARGET, TARGET, after_target, AFTER_EDGE, SOURCE, ENDED]
