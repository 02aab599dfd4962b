"""Operations that ONNX has not, written by those that it has: `exported.run_decompositions(OPERATIONS)`.

Regions of species need them: quantiles are searched in sorted values, become normal scores, and span principal axes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

SWEEPS = 6  # of Jacobi's method over all pairs of axes; beyond the first few each squares what is left


def searched(
    ordered: Float[Tensor, "*axes m"],
    values: Float[Tensor, "*axes q"],
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Int[Tensor, "*axes m"] | None = None,
) -> Int[Tensor, "*axes q"]:
    """`torch.searchsorted`: how many are below (`right`: up to) each value; all are compared with all."""
    assert sorter is None, "values are sorted already"
    one, each = ordered.unsqueeze(-2), values.unsqueeze(-1)
    count = (one <= each if right or side == "right" else one < each).sum(-1)
    return count.int() if out_int32 else count


CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
SIDES = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip


def normal_quantile(p: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """`torch.special.ndtri` for 1e-11 < p < 1 - 1e-11: rational functions in double precision.

    Source: Wichura (1988), Algorithm AS 241, PPND16, without its outermost tails.
    """
    q = p.double() - 0.5
    near = q.clamp(-0.425, 0.425)
    centre = near * _ratio(0.180625 - near * near, CENTRE)
    tail = (0.5 - q.abs()).clamp_min(1e-11)
    sides = torch.sign(q) * _ratio((-tail.log()).sqrt() - 1.6, SIDES)
    return torch.where(q.abs() <= 0.425, centre, sides).to(p.dtype)


def _ratio(x: Tensor, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    above, below = (_polynomial(x, each) for each in coefficients)
    return above / below


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    found = torch.full_like(x, coefficients[-1])
    for each in reversed(coefficients[:-1]):
        found = found * x + each
    return found


def axes(matrix: Float[Tensor, "*r n n"], *_: Any) -> tuple[Float[Tensor, "*r n"], Float[Tensor, "*r n n"]]:
    """`torch.linalg.eigh`: eigenvalues, the least first, and eigenvectors of symmetric matrices.

    Jacobi's method; all disjoint pairs of axes are turned at once, in the order of a round-robin tournament (Golub and
    Van Loan, Matrix Computations, section 8.5).
    """
    n = matrix.shape[-1]
    unit = torch.eye(n, dtype=matrix.dtype)
    vectors, rounds = unit.expand_as(matrix), [_planes(unit, pairs) for pairs in _tournament(n)]
    for _sweep in range(SWEEPS):
        for planes in rounds:
            turn = unit + _turn(matrix.flatten(-2), *planes).unflatten(-1, (n, n))
            matrix, vectors = turn.mT @ matrix @ turn, vectors @ turn
    values, order = matrix.diagonal(dim1=-2, dim2=-1).sort(-1)
    return values, vectors.gather(-1, order.unsqueeze(-2).expand_as(vectors))


def _tournament(n: int) -> list[list[tuple[int, int]]]:
    """Rounds of pairs in which each of `n` meets each other once; with an odd number one rests."""
    places = list(range(n + n % 2))
    rounds = []
    for _ in range(len(places) - 1):
        half = len(places) // 2
        met = zip(places[:half], reversed(places[half:]), strict=True)
        rounds.append([(min(p, q), max(p, q)) for p, q in met if max(p, q) < n])
        places = [places[0], places[-1], *places[1:-1]]
    return rounds


def _planes(unit: Float[Tensor, "n n"], pairs: list[tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For pairs (p, q) of axes, k of them, as (k, n * n): where a matrix has pp, qq and pq, and where it has qp."""
    p, q = (torch.stack([unit[pair[side]] for pair in pairs]) for side in (0, 1))
    found = [torch.einsum("k i, k j -> k i j", a, b).flatten(1) for a, b in ((p, p), (q, q), (p, q), (q, p))]
    return found[0], found[1], found[2], found[3]


def _turn(matrix: Float[Tensor, "*r nn"], pp: Tensor, qq: Tensor, pq: Tensor, qp: Tensor) -> Float[Tensor, "*r nn"]:
    """The rotation that makes the element of each pair zero, less the unit matrix."""
    between, across = matrix @ (qq - pp).mT, 2 * matrix @ pq.mT
    length = (between * between + across * across).sqrt()
    tangent = torch.where(between < 0, -across, across) / (between.abs() + length).clamp_min(1e-300)
    cosine = (1 + tangent * tangent).rsqrt()
    return (cosine - 1) @ (pp + qq) + (cosine * tangent) @ (pq - qp)


OPERATIONS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.searchsorted.Tensor: searched,
    torch.ops.aten.special_ndtri.default: normal_quantile,
    torch.ops.aten.linalg_eigh.default: axes,
    torch.ops.aten._linalg_eigh.default: axes,
}
