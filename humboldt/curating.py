"""Score every unit of a training part, and keep those that lie within thresholds.

The curation of video models (drop what does not move, what is doubled, what scores low; arXiv 2311.15127), for states
of any science: the scores are of what batches hold, so they need nothing of a domain but its batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError

from .manifest import Bounds, Manifest, bounds
from .results import digest, fingerprint

THRESHOLDS: dict[str, Bounds] = {
    "missing": (None, 0.2),
    "change": (0.01, None),
    "novelty": (0.01, None),
    "outlier": (None, 6.0),
}
"""Where to begin, not what is best: choose them by a small run against `Manifest.control`."""

LOOKS = 16
WIDTH = 16
BLOCK = 512
Score = Callable[[Any], Any]


@dataclass(frozen=True)
class Looked:
    """What was seen of a unit of fields; per channel, NaN where nothing is known.

    Attributes:
        missing: share of its values that is not finite.
        mean, square: of the states. change: mean square of target - state.
        signature: random projections of its first state and its last target; their mean square difference between two
            units is that of the fields, about.
    """

    missing: float
    mean: Float[Tensor, " c"]
    square: Float[Tensor, " c"]
    change: Float[Tensor, " c"]
    signature: Float[Tensor, "c k"]


def curate(
    data: Any,
    *,
    thresholds: Mapping[str, Any] | None = None,
    scores: Mapping[str, Score] | None = None,
    looks: int = LOOKS,
) -> Manifest:
    """A list of the units of the training part that are worth training on, with all their scores.

    Scores of fields, in deviations of each channel over the part:

    - `missing`: share of values that is NaN or infinite;
    - `change`: root mean square of target less state: what stands still teaches persistence;
    - `novelty`: root mean square distance to the nearest earlier unit: what is doubled counts twice;
    - `outlier`: how many deviations (by the median absolute one) the logarithm of the energy lies off the median, or
      that of the change above it.

    Of sequences and other batches without fields: `missing` of the targets, `novelty` 0 for what is the same as an
    earlier unit and 1 else (a molecule that is written otherwise is another), `outlier` of the targets.

    Args:
        data: a dataset with a training part that can `choose` among its `units`.
        thresholds: the smallest and the largest value that is kept, by score; `THRESHOLDS` by default. What is not
            named drops nothing: {} keeps all.
        scores: your own: by name a function of a batch to a value a sample, of which the mean over a unit is taken.
        looks: samples of a unit that are looked at, spread over it.

    Raises:
        ConfigError: data that cannot choose, a threshold of no score or that is none, a score that takes the name of
            one that there is or does not give a number a sample, no unit that is kept.
    """
    train, own = data.split("train"), dict(scores or {})
    if not hasattr(train, "choose"):
        raise ConfigError(
            f"curation chooses among independent units, which {type(train).__name__} cannot; give it `units` and "
            "choose(units)"
        )
    if taken := [name for name in own if name in THRESHOLDS]:
        raise ConfigError(f"a score of your own has a name of its own, got {taken[0]!r}; call it otherwise")
    if looks < 1:
        raise ConfigError(f"a unit is looked at once or more, got looks={looks}")
    chosen = {name: bounds(pair, name) for name, pair in (thresholds or {}).items()}
    fields, plain, mine = [], [], []
    for unit in range(train.units):
        batch = looked_at(train, unit, looks)
        if getattr(type(batch), "layout", None) is None:
            plain.append(batch)
        else:
            fields.append(look(batch))
        mine.append([_own(name, score(batch), len(batch)) for name, score in own.items()])
    found = scores_of_fields(fields) if fields else scores_of_others(plain)
    found |= {name: np.array([row[number] for row in mine]) for number, name in enumerate(own)}
    if thresholds is None:
        chosen = {name: pair for name, pair in THRESHOLDS.items() if name in found}
    source = str(dict(train.describe()).get("source", type(train).__name__))
    return Manifest.made(fingerprint(train), source, found, chosen)


def looked_at(train: Any, unit: int, looks: int) -> Any:
    """Samples of one unit, spread over it; what is drawn by chance (orders of graphs) is drawn alike for all."""
    one = train.choose([unit])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return one.batch(sorted({round(place) for place in np.linspace(0, len(one) - 1, looks)}))


def look(batch: Any) -> Looked:
    """What is seen of a unit from some of its samples."""
    from .protocols.states import states

    fields = states(batch).double()
    now, target = fields[:, -1], batch.target
    then = target.double() if target is not None and target.shape == now.shape else torch.full_like(now, torch.nan)
    known = torch.cat([part.isfinite().flatten() for part in (fields, *([] if target is None else [target]))])
    fields, now, then = (torch.where(x.isfinite(), x, torch.nan) for x in (fields, now, then))
    flat = fields.transpose(0, 2).flatten(1)
    ends = torch.stack([now[0], then[-1] if bool(then.isfinite().any()) else now[-1]]).flatten(2).nan_to_num()
    chance = torch.Generator().manual_seed(0)
    basis = torch.randn(ends.shape[2], WIDTH, generator=chance, dtype=torch.double) / ends.shape[2] ** 0.5
    return Looked(
        missing=1 - float(known.double().mean()),
        mean=flat.nanmean(1),
        square=flat.square().nanmean(1),
        change=(then - now).transpose(0, 1).flatten(1).square().nanmean(1),
        signature=(ends @ basis).transpose(0, 1).flatten(1),
    )


def scores_of_fields(units: list[Looked]) -> dict[str, Float[np.ndarray, " n"]]:
    """The four scores of units of fields, see `curate`; those that no unit has are left out."""
    mean, square, change = (torch.stack([getattr(u, name) for u in units]) for name in ("mean", "square", "change"))
    centre = mean.nanmean(0)
    variance = (square - 2 * mean * centre + centre.square()).nanmean(0)
    variance = torch.where(variance > 0, variance, 1.0)
    energy = ((square - 2 * mean * centre + centre.square()) / variance).nanmean(1).clamp_min(0)
    moved = (change / variance).nanmean(1).sqrt()
    off = np.fmax(abs(deviations(energy.log().numpy())), deviations(moved.log().numpy()))
    signatures = torch.stack([u.signature for u in units]) / variance.sqrt().nan_to_num(1.0)[:, None]
    found = {
        "missing": np.array([u.missing for u in units]),
        "change": moved.numpy(),
        "novelty": novelty(signatures.flatten(1)).numpy(),
        "outlier": off,
    }
    return {name: values for name, values in found.items() if np.isfinite(values).any() or len(values) < 2}


def scores_of_others(units: list[Any]) -> dict[str, Float[np.ndarray, " n"]]:
    """The scores of units without fields, see `curate`."""
    seen: set[str] = set()
    fresh = []
    for batch in units:
        said = digest({k: v.tolist() for k, v in sorted(vars(batch).items()) if isinstance(v, Tensor)})
        fresh.append(float(said not in seen))
        seen.add(said)
    found, targets = {"novelty": np.array(fresh)}, [getattr(batch, "target", None) for batch in units]
    known = [target.double() for target in targets if target is not None]
    if len(known) == len(units):
        found["missing"] = np.array([float(target.isnan().double().mean()) for target in known])
        if all(target.dim() == 2 for target in known):
            columns = torch.stack([target.nanmean(0) for target in known]).T.numpy()
            found["outlier"] = np.fmax.reduce([abs(deviations(column)) for column in columns])
    return found


def novelty(rows: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """Root mean square distance of every row to the nearest earlier one; NaN for the first."""
    found = torch.full((len(rows),), torch.nan, dtype=rows.dtype)
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        distances = torch.cdist(block, rows[: first + len(block)], compute_mode="donot_use_mm_for_euclid_dist")
        later = torch.arange(distances.shape[1])[None] >= first + torch.arange(len(block))[:, None]
        found[first : first + len(block)] = distances.masked_fill(later, torch.inf).min(1).values
    return torch.where(found.isfinite(), found / rows.shape[1] ** 0.5, torch.nan)


def deviations(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Distances from the median over 1.4826 times the median absolute one, which is the deviation of a normal law;
    0 where that is 0."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.full(len(values), np.nan)
    centre = np.median(finite)
    spread = 1.4826 * float(np.median(abs(finite - centre)))
    return (values - centre) / spread if spread > 0 else np.where(np.isfinite(values), 0.0, np.nan)


def _own(name: str, values: Any, count: int) -> float:
    row = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, float)
    if row.shape != (count,):
        raise ConfigError(
            f"a score gives a number for each of {count} samples of a batch, got the shape {row.shape} from {name!r}; "
            "take means over all other axes"
        )
    return float(row.mean())
