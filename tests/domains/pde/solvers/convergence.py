"""Observed orders of convergence, printed."""

from collections.abc import Sequence

import numpy as np


def relative_error(found: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square of the difference over that of the exact values."""
    return float(np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()))


def observed_order(errors: Sequence[float], sizes: Sequence[float]) -> float:
    """Slope of log error over log size between the first and the last pair; prints the table."""
    order = float(np.log(errors[0] / errors[-1]) / np.log(sizes[0] / sizes[-1]))
    for size, error in zip(sizes, errors, strict=True):
        print(f"size {size:<8.4g} error {error:.3e}")
    print(f"observed order {order:.2f}")
    return order
