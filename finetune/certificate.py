"""How wrong the best of some fixed adapters can be, told from few samples by a bound that holds (after STEEL).

Of M adapters that were there before the data, each is scored on the same n independent samples by an error in [0, 1],
and the best is kept. With probability 1 - delta the true mean error R of every one of them, and so of the best, obeys

    kl(R_n || R) <= ln(M / delta) / n,   kl(q || p) = q ln(q / p) + (1 - q) ln((1 - q) / (1 - p))

(the Chernoff bound, and a union over M; errors between 0 and 1 are no worse than coins). The certificate is the largest
R that the bound allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError

from .adapter_file import read_adapter


@dataclass(frozen=True)
class Certificate:
    """What is promised of the chosen adapter.

    Attributes:
        chosen: index of the one with the least mean error.
        error: its mean error on the samples.
        bound: what its true mean error exceeds with a probability of at most `delta`.
        delta: that probability.
        adapters: how many there were to choose from, M.
        samples: n independent samples, years or storms or sites, not grid points.
        hashes: content hashes of the adapters, if they were given: they were fixed before the samples were seen.
        made: date and time of the choice, UTC.
    """

    chosen: int
    error: float
    bound: float
    delta: float
    adapters: int
    samples: int
    hashes: tuple[str, ...] = ()
    made: str = ""


def certify(
    errors: Float[Tensor, "adapters samples"], delta: float = 0.05, folders: Sequence[str | Path] = ()
) -> Certificate:
    """Choose the best of several adapters and bound its true error.

    Args:
        errors: of every adapter on every sample, in [0, 1]; the samples are independent of each other.
        delta: probability with which the bound may fail.
        folders: of the adapters, for their hashes.

    Raises:
        ConfigError: errors outside of [0, 1] or none, a delta outside of (0, 1), another number of folders.
    """
    count, samples = errors.shape
    if not errors.numel() or not bool(((errors >= 0) & (errors <= 1)).all()):
        raise ConfigError(
            f"a certificate is for errors in [0, 1] of one sample at least, got {count} x {samples} of them between "
            f"{errors.min().item() if errors.numel() else None} and {errors.max().item() if errors.numel() else None}; "
            "cut the error at a largest one and divide by it"
        )
    if not 0 < delta < 1:
        raise ConfigError(f"the probability that a bound fails is in (0, 1), got delta={delta}")
    if folders and len(folders) != count:
        raise ConfigError(f"there is a folder an adapter, got {len(folders)} for {count}")
    means = errors.double().mean(1)
    chosen = int(means.argmin())
    hashes = tuple(str(read_adapter(folder)[0]["sha256"]) for folder in folders)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    error = float(means[chosen])
    return Certificate(chosen, error, bound_of(error, samples, count, delta), delta, count, samples, hashes, now)


def bound_of(error: float, samples: int, adapters: int, delta: float) -> float:
    """The largest true error that `ln(M / delta) / n` allows."""
    return largest(error, math.log(adapters / delta) / samples)


def largest(q: float, distance: float) -> float:
    """The largest p in [q, 1] with kl(q || p) <= distance."""
    if q >= 1:
        return 1.0
    from scipy.optimize import brentq

    end = 1 - 1e-15
    if divergence(q, end) <= distance:
        return 1.0
    return float(brentq(lambda p: divergence(q, p) - distance, q, end, xtol=1e-12))


def divergence(q: float, p: float) -> float:
    """kl(q || p) between two coins, in nats."""
    if p <= 0:
        return 0.0 if q <= 0 else math.inf
    heads = q * math.log(q / p) if q > 0 else 0.0
    tails = (1 - q) * math.log((1 - q) / (1 - p)) if q < 1 else 0.0
    return heads + tails
