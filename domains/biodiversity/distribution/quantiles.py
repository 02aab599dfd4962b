"""Values of variables as quantiles of their region, and quantiles as weights of knots.

Whatever a variable is measured in, and however skewed it is, in quantiles every region looks alike; values beyond those
of the region become its extremes. Letters as in `batch`; t = v + components.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

PADDING, ENVIRONMENT, PLACE = 0, 1, 2  # kinds of variables
COMPONENTS = 8  # principal components of a region's environment that are variables of their own
SHARPEST = 1e-3  # quantiles are kept so far from 0 and 1 where they become normal scores


class Quantiles:
    """Share of a region's points that lie below a value, those equal to it counting half.

    Args:
        points: of each region.
    """

    def __init__(self, points: Float[Tensor, "r m v"]) -> None:
        self.sorted = rearrange(points, "r m v -> r v m").sort(-1).values.contiguous()
        first, last = (torch.searchsorted(self.sorted, self.sorted, right=right) for right in (False, True))
        self.ties = (last - first).to(points.dtype)

    def __call__(self, values: Float[Tensor, "r q v"]) -> Float[Tensor, "r q v"]:
        """Quantiles from 0 to 1."""
        asked = rearrange(values, "r q v -> r v q").contiguous()
        below, number = torch.searchsorted(self.sorted, asked), self.sorted.shape[-1]
        at = below.clamp_max(number - 1)
        ties = torch.where(self.sorted.gather(-1, at) == asked, self.ties.gather(-1, at), 0)
        share = (below + 0.5 * ties) / number
        return rearrange(share, "r v q -> r q v")


def normal_scores(u: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """The standard normal value of a quantile."""
    return torch.special.ndtri(u.clamp(SHARPEST, 1 - SHARPEST))


class Frame:
    """A region's own coordinates: quantiles of its variables, and of the principal components of their normal scores.

    Components look for directions among the environmental variables; places have none.

    Args:
        background: points of each region.
        kind: of each variable.
    """

    known: Bool[Tensor, "r t"]
    share: Float[Tensor, "r components"]

    def __init__(self, background: Float[Tensor, "r m v"], kind: Int[Tensor, "r v"]) -> None:
        self.environment = (kind == ENVIRONMENT).unsqueeze(1)
        self.raw = Quantiles(background)
        scores = self._scores(self.raw(background))
        values, vectors = torch.linalg.eigh((scores.mT @ scores).double())
        number = min(COMPONENTS, background.shape[-1])
        self.share = (values.flip(-1)[:, :number] / values.sum(-1, keepdim=True).clamp_min(1e-9)).to(background)
        vectors = vectors.flip(-1)[..., :number].to(background)
        self.vectors = torch.where(vectors.sum(1, keepdim=True) < 0, -vectors, vectors)
        self.components = Quantiles(self._along(scores))
        self.known = torch.cat([kind != PADDING, self.share > 1e-4], dim=1)

    def _scores(self, u: Float[Tensor, "r q v"]) -> Float[Tensor, "r q v"]:
        return normal_scores(u) * self.environment

    def _along(self, scores: Float[Tensor, "r q v"]) -> Float[Tensor, "r q components"]:
        """Components; summed in double precision, so that a point ties with itself however many are asked for."""
        return (scores.double() @ self.vectors.double()).to(scores)

    def __call__(self, values: Float[Tensor, "r q v"]) -> Float[Tensor, "r q t"]:
        """Quantiles of the variables and then of the components, from 0 to 1."""
        u = self.raw(values)
        return torch.cat([u, self.components(self._along(self._scores(u)))], dim=-1)


def knot_weights(u: Float[Tensor, "*any"], knots: int) -> Float[Tensor, "*any k"]:
    """Weights of linear interpolation between evenly spaced knots: max(0, 1 - |u (k - 1) - knot|)."""
    at = torch.arange(knots, dtype=u.dtype, device=u.device)
    return torch.relu(1 - (u.clamp(0, 1).unsqueeze(-1) * (knots - 1) - at).abs())
