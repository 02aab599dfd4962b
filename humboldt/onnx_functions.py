# mypy: disable-error-code="type-var, operator, arg-type"
"""Functions of ONNX for what it has no operation for (imported where the extra `export` is there).

What `script` decorates is read as ONNX, in which numbers become tensors; types of Python say nothing there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import DOUBLE, script
from onnxscript import opset18 as op

SWEEPS = 8  # over all pairs of axes; rotations converge quadratically, and 25 axes need 7


@script()
def eigh(matrix: DOUBLE) -> tuple[DOUBLE, DOUBLE]:
    """Eigenvalues of a stack of symmetric matrices in rising order, and their vectors up to the sign.

    By Jacobi's rotations. Each axis of the first half turns with its partner in the second so that what couples them
    vanishes; then they move on as players of a tournament do, until all have met (Brent and Luk, 1985). Where the
    number of axes is odd one is added that is coupled to none.
    """
    size = op.Shape(matrix, start=-1)
    half = op.Div(size + 1, 2)
    end = half * 2
    axes, pairs = op.Range(0, op.Squeeze(end), 1), op.Range(0, op.Squeeze(half), 1)
    same = op.CastLike(op.Equal(op.Unsqueeze(axes, [0]), op.Unsqueeze(axes, [1])), matrix)
    partner = op.CastLike(op.Equal(op.Unsqueeze(pairs, [0]), op.Unsqueeze(pairs, [1])), matrix)
    nothing = op.CastLike(0.0, matrix)
    one = op.CastLike(1.0, matrix)
    two = op.CastLike(2.0, matrix)
    found = op.Pad(matrix, op.Concat([0], [0], end - size, end - size, axis=0), nothing, [-2, -1])
    vectors = found * nothing + same
    for _ in range(op.Squeeze((end - 1) * SWEEPS)):
        along = op.ReduceSum(found * same, [-1], keepdims=0)
        block = op.Slice(op.Slice(found, [0], half, [-2]), half, end, [-1])
        coupling = op.ReduceSum(block * partner, [-1], keepdims=0)
        none = op.CastLike(op.Equal(coupling, nothing), matrix)
        difference = op.Slice(along, half, end, [-1]) - op.Slice(along, [0], half, [-1])
        ratio = difference / (two * coupling + none)
        sign = one - two * op.CastLike(op.Less(ratio, nothing), matrix)
        tangent = (one - none) * sign / (op.Abs(ratio) + op.Sqrt(one + ratio * ratio))
        cosine = op.Unsqueeze(one / op.Sqrt(one + tangent * tangent), [-2])
        sine = cosine * op.Unsqueeze(tangent, [-2]) * partner
        cosine = cosine * partner
        p, q = op.Concat(cosine, -sine, axis=-2), op.Concat(sine, cosine, axis=-2)
        moved = op.Concat(
            op.Slice(p, [0], [1], [-1]),
            op.Slice(q, [0], [1], [-1]),
            op.Slice(p, [1], half - 1, [-1]),
            op.Slice(q, [1], half, [-1]),
            op.Slice(p, half - 1, half, [-1]),
            axis=-1,
        )
        turn = op.Slice(moved, [0], end, [-1])  # a single pair stays where it is
        found = op.MatMul(op.MatMul(op.Transpose(turn, perm=[0, 2, 1]), found), turn)
        vectors = op.MatMul(vectors, turn)
    values = op.Slice(op.ReduceSum(found * same, [-1], keepdims=0), [0], size, [-1])
    rising, order = op.TopK(values, size, axis=-1, largest=0)
    kept = op.Slice(op.Slice(vectors, [0], size, [-2]), [0], size, [-1])
    index = op.Expand(op.Unsqueeze(order, [-2]), op.Shape(kept))
    return rising, op.GatherElements(kept, index, axis=-1)


FUNCTIONS: dict[Any, Callable[..., Any]] = {torch.ops.aten.linalg_eigh.default: eigh}
