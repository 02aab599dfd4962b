"""Operations that a runtime of programs has not, made of those that every one has.

Each has the signature of the operation of PyTorch whose place it takes (`ExportedProgram.run_decompositions`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def searchsorted(
    ordered: Tensor,
    values: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """How many of the sorted values lie below each value, or not above it (`right`): by comparing all with all."""
    ordered = ordered if sorter is None else ordered.gather(-1, sorter)
    first, second = ordered.unsqueeze(-2), values.unsqueeze(-1)
    below = first <= second if right or side == "right" else first < second
    return below.sum(-1, dtype=torch.int32 if out_int32 else torch.int64)


CENTRE = (
    (3.3871327179, 50.434271938, 159.29113202, 59.109374720),
    (1.0, 17.895169469, 78.757757664, 67.187563600),
)
MIDDLE = ((1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103), (1.0, 0.73700164250, 0.12021132975))
FAR = ((6.6579051150, 3.0812263860, 0.42868294337, 0.017337203997), (1.0, 0.24197894225, 0.012258202635))
"""Rational functions of Wichura's algorithm AS 241 (PPND7): numerators and denominators, lowest power first."""


def ndtri(share: Tensor) -> Tensor:
    """Quantiles of the standard normal distribution, to seven figures (Wichura, Applied Statistics 37, 1988)."""
    centred = share - 0.5
    near = centred * _ratio(CENTRE, 0.180625 - centred**2)
    depth = (-torch.where(centred < 0, share, 1 - share).log()).sqrt()
    tail = torch.where(depth <= 5, _ratio(MIDDLE, depth - 1.6), _ratio(FAR, depth - 5))
    return torch.where(centred.abs() <= 0.425, near, torch.where(centred < 0, -tail, tail))


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Tensor) -> Tensor:
    numerator, denominator = (_polynomial(terms, x) for terms in polynomials)
    return numerator / denominator


def _polynomial(terms: tuple[float, ...], x: Tensor) -> Tensor:
    found = torch.full_like(x, terms[-1])
    for term in reversed(terms[:-1]):
        found = found * x + term
    return found


DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.searchsorted.Tensor: searchsorted,
    torch.ops.aten.special_ndtri.default: ndtri,
}
