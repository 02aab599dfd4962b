"""Where a model is asked about an environment that it was never shown."""

from __future__ import annotations

import numpy as np


def mess(reference: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multivariate environmental similarity surface (Elith, Kearney and Phillips 2010, appendix S3).

    With f the percentage of reference points below a value, the similarity of a variable is 2 f up to the median,
    2 (100 - f) above, and beyond the range of the reference the distance to it, negative, in percent of that range. The
    surface is the least of them: below 0, a variable lies outside of what the model was shown.

    Args:
        reference: (points, v), the environment that the model was shown.
        asked: (places, v); NaN gives NaN.

    Returns:
        The surface, and the number of the variable that is least similar (-1 where a value is missing), each (places,).

    Raises:
        ValueError: no reference points without missing values, or other variables.
    """
    reference, asked = np.asarray(reference, float), np.asarray(asked, float)
    reference = reference[np.isfinite(reference).all(1)]
    if not len(reference) or reference.shape[1] != asked.shape[1]:
        raise ValueError(
            f"similarity is measured to points with the same variables, got {len(reference)} points with "
            f"{reference.shape[1]} for places with {asked.shape[1]}"
        )
    similarity = np.stack([_similarity(r, a) for r, a in zip(reference.T, asked.T, strict=True)], axis=1)
    missing = np.isnan(similarity).any(1)
    worst = np.where(missing, -1, np.where(np.isnan(similarity), np.inf, similarity).argmin(1))
    return np.where(missing, np.nan, similarity.min(1)), worst


def _similarity(reference: np.ndarray, asked: np.ndarray) -> np.ndarray:
    points = np.sort(reference)
    low, high = points[0], points[-1]
    width = high - low if high > low else 1.0
    margin = 100 * np.minimum(asked - low, high - asked) / width
    f = 100 * np.searchsorted(points, asked, side="left") / len(points)
    return np.where(margin >= 0, 100 - np.abs(100 - 2 * f), margin)
