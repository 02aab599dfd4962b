"""Mean, deviation and extremes in one pass: parts of the data are merged exactly, in any number and any size."""

from __future__ import annotations

import numpy as np


class Moments:
    """Running moments per channel in float64 (Chan, Golub and LeVeque 1979), with weights or without; NaN is left out.

    Of values x with weights w (1 by default): `weight` W = sum w, `mean` = sum w x / W, `squares` = sum w (x - mean)^2.
    Two of them are merged by their means: W = W1 + W2, d = mean2 - mean1, mean = mean1 + d W2 / W,
    squares = squares1 + squares2 + d^2 W1 W2 / W.

    Attributes:
        count, missing: values taken in, and NaN; minimum, maximum: inf and -inf while there are none.
    """

    FIELDS = ("count", "missing", "weight", "mean", "squares", "minimum", "maximum")

    def __init__(self, channels: int) -> None:
        self.count, self.missing = np.zeros(channels), np.zeros(channels)
        self.weight, self.mean, self.squares = (np.zeros(channels) for _ in range(3))
        self.minimum, self.maximum = np.full(channels, np.inf), np.full(channels, -np.inf)

    def update(self, values: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in values [n, channel, ...], with weights that broadcast to [n, ...]."""
        part = Moments(values.shape[1])
        for channel in range(values.shape[1]):
            x = np.asarray(values[:, channel], np.float64)
            there = ~np.isnan(x)
            w = None if weights is None else np.broadcast_to(weights, x.shape)[there]
            part._set(channel, x[there], w, int(x.size - np.count_nonzero(there)))
        self.merge(part)

    def _set(self, channel: int, x: np.ndarray, w: np.ndarray | None, missing: int) -> None:
        self.count[channel], self.missing[channel] = x.size, missing
        total = float(x.size if w is None else w.sum())
        if not x.size:
            return
        self.minimum[channel], self.maximum[channel] = x.min(), x.max()
        if total > 0:
            mean = float(x.mean() if w is None else (w * x).sum() / total)
            square = np.square(x - mean)
            self.weight[channel], self.mean[channel] = total, mean
            self.squares[channel] = float(square.sum() if w is None else (w * square).sum())

    def merge(self, other: Moments) -> None:
        """Take in what another has taken in."""
        total = self.weight + other.weight
        share = np.divide(other.weight, total, out=np.zeros_like(total), where=total > 0)
        shift = other.mean - self.mean
        self.squares = self.squares + other.squares + shift**2 * self.weight * share
        self.mean = np.where(self.weight > 0, self.mean + shift * share, other.mean)
        self.weight, self.count, self.missing = total, self.count + other.count, self.missing + other.missing
        self.minimum, self.maximum = np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum)

    @property
    def variance(self) -> np.ndarray:
        """Population variance per channel."""
        return np.divide(self.squares, self.weight, out=np.zeros_like(self.squares), where=self.weight > 0)
