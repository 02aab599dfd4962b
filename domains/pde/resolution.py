"""A model on another grid than the one that it was tuned on."""

from __future__ import annotations

import copy
import dataclasses
import logging

from humboldt.foundations import ConfigError, Model

from .config import PDEConfig

log = logging.getLogger(__name__)


def at_resolution(model: Model, points: int) -> Model:
    """A copy that works on a grid of `points` along each axis, whatever the grid of the data: fields are resampled to
    it through Fourier space, and what is predicted back to theirs (as the published models do, arXiv 2405.19101).

    A model sees cells, not lengths. What it has learned on one grid it says of finer grids of the same domain in this
    way, but for the scales that the coarser grid cannot hold.

    Raises:
        ConfigError: no such grid, or a model that has positions on a grid of its own.
    """
    config = model.config
    if config.absolute_position and points != config.resolution:
        raise ConfigError(
            f"this model has learned a position for each place of its {config.resolution} points an axis, got "
            f"resolution={points}; leave it out"
        )
    if points < 2 or points % 2:
        raise ConfigError(f"fields are resampled to an even number of points along each axis, got {points}; change it")
    copied = copy.deepcopy(model)
    for part in copied.modules():
        if isinstance(getattr(part, "config", None), PDEConfig):
            part.config = dataclasses.replace(config, resolution=points)
    return copied


def at_their_resolution(model: Model, grid: tuple[int, ...], points: int | None) -> Model:
    """`at_resolution` where points are given; else the model, with a warning where fields of this grid may be of the
    domain that it was tuned on, in another spacing.

    Raises:
        ConfigError: points for a model that was tuned on a grid with other numbers of points along its axes.
    """
    taught = model.provenance.get("data", {}).get("train", {}).get("grid")
    if points is not None:
        if taught is not None and len(set(taught)) > 1:
            raise ConfigError(
                f"a resolution is one number of points for every axis, got resolution={points} for a model that was "
                f"tuned on a grid of {' x '.join(map(str, taught))}; interpolate fields to that grid and leave it out"
            )
        return at_resolution(model, points)
    if taught is None or model.config.resolution is not None or len(taught) != len(grid) or len(set(taught)) > 1:
        return model
    shares = {n / old for n, old in zip(grid, taught, strict=True)}
    if len(shares) == 1 and shares != {1.0}:
        log.warning(
            "the model was tuned on a grid of %s, the data have %s; if that is the same domain, it is better with "
            "resolution=%d, which resamples to that grid and back",
            " x ".join(map(str, taught)), " x ".join(map(str, grid)), taught[0],
        )  # fmt: skip
    return model
