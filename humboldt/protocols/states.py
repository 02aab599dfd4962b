"""The states in a batch of any science, in one order of axes."""

from __future__ import annotations

import dataclasses
from typing import Any

from einops import rearrange
from jaxtyping import Float
from torch import Tensor

ORDER = "b t c ..."


class ProtocolError(ValueError):
    """Something cannot be measured as it was asked; the message states the rule, the value and the cure."""


class NotApplicableError(ProtocolError):
    """What was asked for has no meaning for these data."""


def states(batch: Any) -> Float[Tensor, "b t c *space"]:
    """The fields of a batch, by sample, time and channel.

    Raises:
        ProtocolError: a batch without fields.
    """
    layout = _layout(batch)
    return rearrange(batch.fields, f"{layout} -> {_order(batch)}")


def with_states(batch: Any, fields: Float[Tensor, "b t c *space"], **others: Any) -> Any:
    """The same batch with other fields (and other values of its attributes)."""
    return dataclasses.replace(batch, fields=rearrange(fields, f"{_order(batch)} -> {_layout(batch)}"), **others)


def present(fields: Float[Tensor, "t c *space"]) -> list[int]:
    """Numbers of the channels that hold anything."""
    return [number for number, channel in enumerate(fields.unbind(1)) if not bool(channel.isnan().all())]


def _layout(batch: Any) -> str:
    layout = getattr(type(batch), "layout", None)
    if layout is None:
        raise ProtocolError(
            f"fields are on a grid, got {type(batch).__name__}, which says of no layout; take a model of fields, or "
            "give the class of the batch a layout such as 'b t c ...'"
        )
    return str(layout)


def _order(batch: Any) -> str:
    return ORDER if "t" in _layout(batch).split() else ORDER.replace("t", "1")
