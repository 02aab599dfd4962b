"""From tokens to what comes next, or to properties of the graph, with their losses."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Head, Normaliser, Tokens

from .batch import NextTokens, Properties, SequenceBatch
from .embed import SequenceEmbed


class NextTokenHead(Head[SequenceBatch, NextTokens]):
    """logits = x token^T with the table of the embedding, which belongs to the embedding and is only looked at here.

    Args:
        embed: of the same model.
    """

    def __init__(self, embed: SequenceEmbed) -> None:
        super().__init__()
        self.tied = (embed.token,)  # in a tuple, so that its table is not a parameter of the head too

    def forward(self, tokens: Tokens, batch: SequenceBatch) -> NextTokens:
        """Logits after every token."""
        return NextTokens(self.logits(tokens.x))

    def logits(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n rows"]:
        """Of any tokens."""
        return F.linear(x, self.tied[0].weight)

    def loss(self, prediction: NextTokens, batch: SequenceBatch) -> Tensor:
        """Mean of -log p(next token) over the real tokens that follow another."""
        return token_losses(prediction, batch).sum() / batch.real[:, 1:].sum()


def token_losses(prediction: NextTokens, batch: SequenceBatch) -> Float[Tensor, "b m"]:
    """-log p of every token but the first; 0 where a row is filled up."""
    losses = F.cross_entropy(prediction.logits[:, :-1].mT, batch.ids[:, 1:], reduction="none")
    return losses * batch.real[:, 1:]


class PropertyHead(Head[SequenceBatch, Properties]):
    """Properties of the graph: a linear map of the last token of its sequence, after dropout.

    Args:
        width: of a token.
        count: number of properties.
        task: `regression`, with the mean squared error of normalised values, or `classification`, each property yes (1)
            or no (0), with the cross-entropy. Targets that are not known (NaN) do not count.
        dropout: share of features that is dropped in training.
    """

    def __init__(
        self,
        width: int,
        count: int,
        task: Literal["regression", "classification"] = "regression",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.task = task
        self.normaliser = Normaliser([0.0] * count, [1.0] * count)
        self.dropout, self.out = nn.Dropout(dropout), nn.Linear(width, count)

    def forward(self, tokens: Tokens, batch: SequenceBatch) -> Properties:
        """Values in their units, or probabilities."""
        values = self.out(self.dropout(tokens.x[torch.arange(len(batch)), batch.last]))
        return Properties(values.sigmoid() if self.task == "classification" else self.normaliser.invert(values))

    def loss(self, prediction: Properties, batch: SequenceBatch) -> Tensor:
        """Mean over the known targets; 0 if none is known.

        Raises:
            ValueError: the batch carries no target.
        """
        if batch.target is None:
            raise ValueError("a loss needs a target, got a batch without one; open the data with targets=[...]")
        known = ~batch.target.isnan()
        target = torch.where(known, batch.target, prediction.values.detach().round())
        if self.task == "classification":
            errors = F.binary_cross_entropy(prediction.values.clamp(1e-7, 1 - 1e-7), target, reduction="none")
        else:
            errors = (self.normaliser(prediction.values) - self.normaliser(target)).square()
        return (errors * known).sum() / known.sum().clamp_min(1)
