"""Scores of forecasts on the sphere, as functions of tensors; `verification` applies the same ones to xarray objects.

Fields end in (h, w). `rows` weighs them, `Grid.area_weights()` or `Grid.cosine_weights()`. Missing values (NaN) in the
forecast or the target are left out of every mean, together with their weight. Means over time are taken before the
root (`root_mean_square`), as in WeatherBench 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor


def area_mean(
    x: Float[Tensor, "*b h w"],
    rows: Float[Tensor, " h"] | None = None,
    where: Bool[Tensor, "*#b h w"] | None = None,
) -> Float[Tensor, "*b"]:
    """sum rows x / sum rows over the places that are known (and `where`: land, a region); NaN where there are none."""
    known = ~x.isnan() if where is None else ~x.isnan() & where
    weights = known.to(x.dtype) if rows is None else known * rows.to(x)[:, None]
    return torch.where(known, x * weights, 0).sum((-2, -1)) / weights.sum((-2, -1))


def squared_error(
    forecast: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], rows: Float[Tensor, " h"] | None = None
) -> Float[Tensor, "*b"]:
    """Area mean of (f - t)^2; take means over time and then `root_mean_square`."""
    return area_mean((forecast - target).square(), rows)


def absolute_error(
    forecast: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], rows: Float[Tensor, " h"] | None = None
) -> Float[Tensor, "*b"]:
    """Area mean of |f - t|."""
    return area_mean((forecast - target).abs(), rows)


def bias(
    forecast: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], rows: Float[Tensor, " h"] | None = None
) -> Float[Tensor, "*b"]:
    """Area mean of f - t."""
    return area_mean(forecast - target, rows)


def root_mean_square(squares: Float[Tensor, "*b"], dim: int | Sequence[int] | None = 0) -> Float[Tensor, "*b2"]:
    """Root of the mean over `dim` (times, samples); NaN is left out."""
    if dim is None:
        return squares.sqrt()
    return squares.nanmean(dim if isinstance(dim, int) else tuple(dim)).sqrt()


def anomaly_correlation(
    forecast: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    climate: Float[Tensor, "*b h w"],
    rows: Float[Tensor, " h"] | None = None,
) -> Float[Tensor, "*b"]:
    """<f' t'> / sqrt(<f'^2> <t'^2>) of differences from the climatology, without their means taken off."""
    f, t = forecast - climate, target - climate
    f, t = (torch.where((f * t).isnan(), torch.nan, x) for x in (f, t))
    return area_mean(f * t, rows) / (area_mean(f * f, rows) * area_mean(t * t, rows)).sqrt()


def wind_vector_error(
    forecast: Float[Tensor, "*b 2 h w"], target: Float[Tensor, "*b 2 h w"], rows: Float[Tensor, " h"] | None = None
) -> Float[Tensor, "*b"]:
    """Area mean of (u_f - u_t)^2 + (v_f - v_t)^2; take means over time and then `root_mean_square`."""
    return area_mean((forecast - target).square().sum(-3), rows)


def crps(ensemble: Float[Tensor, "e *b"], target: Float[Tensor, "*b"], fair: bool = True) -> Float[Tensor, "*b"]:
    """Continuous ranked probability score, place by place:  mean |x - t| - 1/2 mean |x - x'|.

    The second mean runs over all pairs, or with `fair` over pairs of different members, which makes it unbiased in the
    size of the ensemble (Ferro 2014). It needs at least two members.
    """
    members = len(ensemble)
    _at_least_two(members, fair, "a fair score")
    order = 2 * torch.arange(1, members + 1, device=ensemble.device, dtype=ensemble.dtype) - members - 1
    differences = torch.einsum("e...,e->...", ensemble.sort(0).values, order)  # half the sum over ordered pairs
    pairs = members * (members - 1 if fair else members)
    return (ensemble - target).abs().mean(0) - differences / max(pairs, 1)


def energy_score(
    ensemble: Float[Tensor, "e *b h w"],
    target: Float[Tensor, "*b h w"],
    rows: Float[Tensor, " h"] | None = None,
    fair: bool = True,
) -> Float[Tensor, "*b"]:
    """mean ||x - t|| - 1/2 mean ||x - x'||  with the area-weighted root mean square as the norm of a field."""
    members, ensemble = len(ensemble), known_by_all(ensemble, target)
    _at_least_two(members, fair, "a fair score")
    skill = torch.stack([squared_error(x, target, rows).sqrt() for x in ensemble]).mean(0)
    pairs = [squared_error(a, b, rows).sqrt() for i, a in enumerate(ensemble) for b in ensemble[:i]]
    if not pairs:
        return skill
    return skill - torch.stack(pairs).sum(0) / (members * (members - 1 if fair else members))


def known_by_all(ensemble: Float[Tensor, "e *b"], target: Float[Tensor, "*b"]) -> Float[Tensor, "e *b"]:
    """The ensemble without the places that the target or a member lacks (NaN): all norms are over the same places."""
    return torch.where(target.isnan() | ensemble.isnan().any(0), torch.nan, ensemble)


def spread_and_error(
    ensemble: Float[Tensor, "e *b h w"], target: Float[Tensor, "*b h w"], rows: Float[Tensor, " h"] | None = None
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Area means of the ensemble's variance (over e - 1) and of the squared error of its mean, over the same places."""
    _at_least_two(len(ensemble), True, "a spread")
    ensemble = known_by_all(ensemble, target)
    return area_mean(ensemble.var(0), rows), squared_error(ensemble.mean(0), target, rows)


def spread_skill_ratio(
    variance: Float[Tensor, "*b"], squares: Float[Tensor, "*b"], members: int, dim: int | Sequence[int] | None = 0
) -> Float[Tensor, "*b2"]:
    """sqrt((e + 1) / e * mean variance / mean squared error): 1 for a reliable ensemble (Fortin et al. 2014)."""
    spread, error = (root_mean_square(x, dim) for x in (variance, squares))
    return ((members + 1) / members) ** 0.5 * spread / error


def rank_histogram(
    ensemble: Float[Tensor, "e *b"], target: Float[Tensor, "*b"], generator: torch.Generator | None = None
) -> Integer[Tensor, " ranks"]:
    """How often the target lies above 0, 1, ..., e members; ties are broken at random, missing values left out."""
    found = ranks(ensemble, target, generator)
    return torch.bincount(found[~found.isnan()].long(), minlength=len(ensemble) + 1)


def ranks(
    ensemble: Float[Tensor, "e *b"], target: Float[Tensor, "*b"], generator: torch.Generator | None = None
) -> Float[Tensor, "*b"]:
    """Above how many members the target lies, place by place; ties are broken at random, NaN where one is missing."""
    below, same = (ensemble < target).sum(0), (ensemble == target).sum(0)
    chance = torch.rand(same.shape, generator=generator).to(same.device)
    found = below + (chance * (same + 1)).long().clamp(max=same)
    return torch.where(target.isnan() | ensemble.isnan().any(0), torch.nan, found.to(target.dtype))


def brier(
    ensemble: Float[Tensor, "e *b"], target: Float[Tensor, "*b"], threshold: float | int, fair: bool = True
) -> Float[Tensor, "*b"]:
    """(p - o)^2, place by place, of the event `value >= threshold`; with `fair` less p (1 - p) / (e - 1)."""
    members = len(ensemble)
    _at_least_two(members, fair, "a fair score")
    p, o = (ensemble >= threshold).to(ensemble.dtype).mean(0), (target >= threshold).to(target.dtype)
    score = (p - o).square() - (p * (1 - p) / (members - 1) if fair else 0)
    return torch.where(target.isnan() | ensemble.isnan().any(0), torch.nan, score)


def quantile_loss(forecast: Float[Tensor, "*b"], target: Float[Tensor, "*b"], level: float) -> Float[Tensor, "*b"]:
    """max(q (t - f), (q - 1) (t - f)), place by place; smallest on average for the quantile q."""
    if not 0 < level < 1:
        raise ValueError(f"a quantile lies between 0 and 1, got {level:g}; the median is 0.5")
    difference = target - forecast
    return torch.maximum(level * difference, (level - 1) * difference)


def fractions_skill(
    forecast: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    threshold: float | int,
    window: int,
    closed: bool = False,
) -> Float[Tensor, "*b"]:
    """1 - <(p - o)^2> / (<p^2> + <o^2>) of the shares of points at or above a threshold in windows of `window` squared.

    Windows lie inside the field, around the circle of longitudes as well if it is `closed` (Roberts and Lean 2008).
    Shares are of the points that both know (are not NaN); windows without any are left out.
    """
    if not 1 <= window <= min(forecast.shape[-2:]):
        here = tuple(forecast.shape[-2:])
        raise ValueError(f"a window lies inside the field {here}, got {window} points; choose fewer")

    known = ~(forecast.isnan() | target.isnan())

    def means(x: Tensor) -> Tensor:
        wide = torch.cat([x, x[..., : window - 1]], dim=-1) if closed else x
        flat = wide.to(forecast.dtype).reshape(-1, 1, *wide.shape[-2:])
        return F.avg_pool2d(flat, window, stride=1).reshape(*x.shape[:-2], -1)

    there = means(known)
    p, o = (torch.where(there > 0, means(known & (x >= threshold)) / there, torch.nan) for x in (forecast, target))
    below = p.square().nanmean(-1) + o.square().nanmean(-1)
    return torch.where(below > 0, 1 - (p - o).square().nanmean(-1) / below, torch.nan)


def skill(score: Float[Tensor, "*b"], reference: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """1 - score / reference: 1 is perfect, 0 no better than the reference (persistence, climatology)."""
    return 1 - score / reference


def negative_share(x: Float[Tensor, "*b h w"], rows: Float[Tensor, " h"] | None = None) -> Float[Tensor, "*b"]:
    """Share of the area where a quantity that cannot be negative (humidity, precipitation) is."""
    return area_mean(torch.where(x.isnan(), torch.nan, (x < 0).to(x.dtype)), rows)


def drift(states: Float[Tensor, "t *b h w"], rows: Float[Tensor, " h"] | None = None) -> Float[Tensor, "t *b"]:
    """Change of the global mean since the first state, as a fraction of it: of mass, water, energy."""
    means = area_mean(states, rows)
    return means / means[:1] - 1


def _at_least_two(members: int, needed: bool, what: str) -> None:
    if needed and members < 2:
        raise ValueError(f"{what} needs at least two members, got {members}; use fair=False, or a larger ensemble")
