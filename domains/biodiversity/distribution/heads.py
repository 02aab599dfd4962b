"""From tokens to suitability: every token writes response functions of its variable."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from humboldt.foundations import Head, Tokens

from .batch import SpeciesBatch, Suitability
from .config import SpeciesConfig
from .embed import shares
from .quantiles import knot_weights

LARGEST = 6.0  # logits beyond are not told apart when deviations are learned


class ResponseHead(Head[SpeciesBatch, Suitability]):
    """logit(x) = g_0(x) + perceptron(g_1(x), ..., g_R(x), k(x), k'(x)), g_i(x) = sum_t f_it(u_t(x)) / sqrt(number of t)

    f_it is piecewise linear in the quantile u_t of a variable or component t; k is the logarithm of the ratio of
    presences to contrast around x, with normal kernels of width 1 in the space of the first responses g_1, ...; k' is
    that of the presences in season.
    """

    def __init__(self, config: SpeciesConfig) -> None:
        super().__init__()
        self.config = config
        self.functions = nn.Linear(config.width, config.responses * config.knots)
        hidden = nn.Linear(config.responses + 1, config.hidden)
        self.perceptron = nn.Sequential(hidden, nn.GELU(), nn.Linear(config.hidden, 2))

    def forward(self, tokens: Tokens, batch: SpeciesBatch) -> Suitability:
        """Suitability of the queries."""
        return self.answer(self.niches(tokens, batch), batch.coordinates.query)

    def niches(self, tokens: Tokens, batch: SpeciesBatch) -> Niches:
        """What the species answer to, written once, to be asked about any number of queries."""
        functions, at, space = self.written(tokens, batch), batch.coordinates, slice(1, 1 + self.config.space)
        found = torch.einsum(
            "r s n t k, r s t k g -> r s n g", knot_weights(at.presence, self.config.knots), functions[..., space]
        )
        against = respond(functions[..., space], at.contrast)
        weights = [batch.presence_weight] if batch.season is None else [batch.presence_weight, batch.in_season]
        near = Kernels(found, torch.stack(weights))
        return Niches(functions, near, Kernels(against, batch.contrast_weight[None]))

    def answer(self, niches: Niches, u: Float[Tensor, "r q t"]) -> Suitability:
        """Suitability at quantiles of the variables and components."""
        answers = respond(niches.functions, u)
        at = answers[..., 1 : 1 + self.config.space]
        ratio = (niches.presence(at) - niches.contrast(at)).expand(2, -1, -1, -1)
        known = torch.cat([answers[..., 1:], rearrange(ratio, "k r s q -> r s q k")], -1)
        mean, deviation = self.perceptron(known).unbind(-1)
        return Suitability(mean + answers[..., 0], F.softplus(deviation) + 0.05)

    def written(self, tokens: Tokens, batch: SpeciesBatch) -> Float[Tensor, "r s t k g"]:
        """Response functions at their knots."""
        known = batch.coordinates.frame.known
        functions = rearrange(self.functions(tokens.x), "(r s) t (k g) -> r s t k g", k=self.config.knots, r=len(known))
        known = rearrange(known, "r t -> r 1 t 1 1")
        return functions * known / known.sum(2, keepdim=True).sqrt()

    def loss(self, prediction: Suitability, batch: SpeciesBatch) -> Tensor:
        """Mean over species of cross-entropy, of the order of pairs of queries, and of the deviation's likelihood.

        Presences alone do not say how common a species is, so a deviation is that from the truth up to a constant of
        the species.

        Raises:
            ValueError: the batch carries no target.
        """
        if batch.target is None:
            raise ValueError("a loss needs a target, got a batch without one; give presence and absence at the queries")
        known = batch.target.isfinite()
        y, logit = batch.target.nan_to_num(0.0), prediction.logit
        entropy = averaged(F.binary_cross_entropy_with_logits(logit, y, reduction="none"), known)
        order = ordering(logit, y * known, (1 - y) * known)
        between = known & (y > 0) & (y < 1)
        truth = torch.logit(y.clamp(1e-6, 1 - 1e-6)).clamp(-LARGEST, LARGEST)
        error = truth - logit.detach()
        error = (error - averaged(error, between).unsqueeze(-1)) / prediction.deviation
        likelihood = averaged(0.5 * error**2 + prediction.deviation.log(), between)
        return (entropy + order + 0.1 * likelihood).mean()


def respond(functions: Float[Tensor, "r s t k g"], u: Float[Tensor, "r q t"]) -> Float[Tensor, "r s q g"]:
    """Sum over variables of the response functions of every species at quantiles."""
    weights = rearrange(knot_weights(u, functions.shape[3]), "r q t k -> r q (t k)")
    answers = weights @ rearrange(functions, "r s t k g -> r (t k) (s g)")
    return rearrange(answers, "r q (s g) -> r s q g", s=functions.shape[1])


class Kernels:
    """Logarithm of the mean of exp(-|x - point|^2 / 2) over points, with each of some sets of weights.

    Args:
        points: in the space of the responses.
        weights: of the points; a set of them gives a mean.
    """

    def __init__(self, points: Float[Tensor, "r s n e"], weights: Float[Tensor, "w r s n"]) -> None:
        self.points = points
        self.level = shares(weights).clamp_min(1e-30).log() - 0.5 * (points**2).sum(-1)

    def __call__(self, x: Float[Tensor, "r s q e"]) -> Float[Tensor, "w r s q"]:
        products = x @ self.points.mT
        means = [torch.logsumexp(products + level.unsqueeze(2), dim=-1) for level in self.level]
        return torch.stack(means) - 0.5 * (x**2).sum(-1)


@dataclass(frozen=True, eq=False)
class Niches:
    """What a head has written about the species of a batch.

    Attributes:
        functions: response functions at their knots.
        presence, contrast: where in the space of responses the species were found, and what that is contrasted to.
    """

    functions: Float[Tensor, "r s t k g"]
    presence: Kernels
    contrast: Kernels


def ordering(
    logit: Float[Tensor, "*b q"], presence: Float[Tensor, "*b q"], absence: Float[Tensor, "*b q"]
) -> Float[Tensor, "*b"]:
    """Mean over pairs of a presence and an absence of log(1 + exp(absence's logit - presence's)): a smooth 1 - AUC."""
    pairs = presence.unsqueeze(-1) * absence.unsqueeze(-2)
    cost = F.softplus(logit.unsqueeze(-2) - logit.unsqueeze(-1))
    return (pairs * cost).sum((-2, -1)) / pairs.sum((-2, -1)).clamp_min(1e-6)


def averaged(values: Float[Tensor, "*b q"], known: Bool[Tensor, "*b q"]) -> Float[Tensor, "*b"]:
    """Mean over what is known; 0 where nothing is."""
    return torch.where(known, values, 0).sum(-1) / known.sum(-1).clamp_min(1)
