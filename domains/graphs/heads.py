"""From tokens to what comes next, or to properties of the graph, with their losses."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Head, Model, Normaliser, Tokens

from .batch import NextTokens, Properties, SequenceBatch
from .embed import SequenceEmbed
from .lawful import unlawful


class NextTokenHead(Head[SequenceBatch, NextTokens]):
    """logits = x token^T with the table of the embedding, which belongs to the embedding and is only looked at here.

    Args:
        embed: of the same model.
    """

    def __init__(self, embed: SequenceEmbed) -> None:
        super().__init__()
        self.config = embed.config
        self.tied = (embed.token,)  # in a tuple, so that its table is not a parameter of the head too

    def forward(self, tokens: Tokens, batch: SequenceBatch) -> NextTokens:
        """Logits after every token."""
        return NextTokens(self.logits(tokens.x))

    def logits(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n rows"]:
        """Of any tokens."""
        return F.linear(x, self.tied[0].weight)

    def loss(self, prediction: NextTokens, batch: SequenceBatch) -> Tensor:
        """Mean of -log p(next token) over the real tokens that follow another; in training also `unlawful`."""
        likelihood = token_losses(prediction, batch).sum() / batch.real[:, 1:].sum()
        if not (self.training and self.config.lawful):
            return likelihood
        return likelihood + self.config.lawful * unlawful(prediction, batch, self.config)


def token_losses(prediction: NextTokens, batch: SequenceBatch) -> Float[Tensor, "b m"]:
    """-log p of every token but the first; 0 where a row is filled up."""
    losses = F.cross_entropy(prediction.logits[:, :-1].mT, batch.ids[:, 1:], reduction="none")
    return losses * batch.real[:, 1:]


class Heard:
    """What the embedding and every layer made in the present forward pass, for a head that reads all of them.

    It is forgotten when it has been read, and a copy of the model hears its own layers.
    """

    def __init__(self) -> None:
        self.states: list[Tensor] = []

    def listen(self, model: Model) -> None:
        """Hear a model from now on."""
        model.embed.register_forward_hook(self._begin)
        for block in model.core.scales[0].down:
            block.register_forward_hook(self._go_on)

    def _begin(self, module: nn.Module, given: Any, made: Tokens) -> None:
        self.states = [made.x]

    def _go_on(self, module: nn.Module, given: Any, made: Tokens) -> None:
        self.states.append(made.x)

    def read(self) -> list[Tensor]:
        """The states, once."""
        found, self.states = self.states, []
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Heard:
        """Tensors of a forward pass belong to their graph."""
        return Heard()

    def __reduce__(self) -> tuple[type[Heard], tuple[()]]:
        return Heard, ()


class PropertyHead(Head[SequenceBatch, Properties]):
    """Properties of the graph: a linear map, after dropout, of the last token of its sequence, of the mean token, or of
    the mean tokens of all layers side by side.

    Layers hand on larger numbers than come out of the norm at the end (16 to 28 times in `humboldt/molecules-nano`);
    a head tuned on few graphs would be thrown about by them: tokens of inner layers are given mean 0 and deviation 1.

    Args:
        width: of a token.
        count: number of properties.
        task: `regression`, with the mean squared error of normalised values, or `classification`, each property yes (1)
            or no (0), with the cross-entropy. Targets that are not known (NaN) do not count.
        dropout: share of features that is dropped in training.
        pooling: `last`, `mean` or `layers`, which has to be given a model with `hear`.
        layers: of the model, for `layers`.
    """

    def __init__(
        self,
        width: int,
        count: int,
        task: Literal["regression", "classification"] = "regression",
        dropout: float = 0.5,
        pooling: Literal["last", "mean", "layers"] = "last",
        layers: int = 0,
    ) -> None:
        super().__init__()
        self.task, self.pooling, self.heard, self.layers = task, pooling, Heard(), layers
        self.normaliser = Normaliser([0.0] * count, [1.0] * count)
        wide = width * (layers + 1) if pooling == "layers" else width
        self.dropout, self.out = nn.Dropout(dropout), nn.Linear(wide, count)

    def hear(self, model: Model) -> None:
        """Read the layers of this model, where the head reads all of them."""
        if self.pooling == "layers":
            self.heard.listen(model)

    def forward(self, tokens: Tokens, batch: SequenceBatch) -> Properties:
        """Values in their units, or probabilities."""
        values = self.out(self.dropout(self.pooled(tokens.x, batch)))
        return Properties(values.sigmoid() if self.task == "classification" else self.normaliser.invert(values))

    def pooled(self, x: Float[Tensor, "b n d"], batch: SequenceBatch) -> Float[Tensor, "b d2"]:
        """What stands for each graph."""
        if self.pooling == "last":
            return x[torch.arange(len(batch)), batch.last]
        real = batch.real[..., None]
        found = [x] if self.pooling == "mean" else [*self._inner(), x]
        return torch.cat([(state * real).sum(1) for state in found], dim=1) / real.sum(1)

    def _inner(self) -> list[Float[Tensor, "b n d"]]:
        """What the embedding and the layers but the last handed on, each token normed."""
        heard = self.heard.read()
        if len(heard) != self.layers + 1:
            raise ValueError(
                f"a head that reads all layers hears the {self.layers} of its model, got {max(len(heard) - 1, 0)}; "
                "give it that model with head.hear(model)"
            )
        return [F.layer_norm(state, state.shape[-1:]) for state in heard[:-1]]

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
