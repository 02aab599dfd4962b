"""Muon for the core's matrices, AdamW for all else, as one optimiser.

Muon (K. Jordan and others, 2024) replaces the momentum of a matrix by the nearest semi-orthogonal matrix, so that
every direction learns at the same pace; the update is scaled to AdamW's root mean square (arXiv 2502.16982), so the
same rates serve both. `torch.optim.Muon` iterates in bfloat16 always, which a processor without bfloat16 arithmetic
does twenty times slower than float32; ours iterates in the precision of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import AdamW, Optimizer

MATRICES = "core"  # the parameter group whose matrices Muon takes
ITERATIONS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)  # K. Jordan's: the steepest at 0 that keeps singular values within about 0.7 to 1.2


class Muon(Optimizer):
    """Steps matrices along their orthogonalised momentum m: w <- (1 - rate decay) w - 0.2 rate sqrt(max(n, m)) O(m).

    Args:
        params: matrices, or groups of them with `lr` and `weight_decay`.
        momentum: m <- momentum m + (1 - momentum) g; the step looks one momentum ahead (Nesterov).
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every matrix that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in (p for p in group["params"] if p.grad is not None):
                self._step(weight, weight.grad, group["lr"], group["weight_decay"], group["momentum"])
        return loss

    def _step(self, weight: Tensor, gradient: Tensor, rate: float, decay: float, momentum: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        mean = state["momentum"].lerp_(gradient, 1 - momentum)
        weight.mul_(1 - rate * decay)
        weight.add_(orthogonalised(gradient.lerp(mean, momentum)), alpha=-0.2 * rate * max(weight.shape) ** 0.5)


def orthogonalised(matrix: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Nearly U V^T of the singular value decomposition U S V^T, by Newton-Schulz iterations of a quintic.

    x <- (a + b x x^T + c (x x^T)^2) x from x = matrix / |matrix|; singular values end within about 0.7 to 1.2.
    """
    rows, columns = matrix.shape
    if rows > columns:
        return orthogonalised(matrix.mT).mT
    x = matrix / matrix.norm().clamp(min=1e-7)
    return _wide(x) if columns >= 2 * rows else _nearly_square(x)


def _nearly_square(x: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def _wide(x: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """The same with products of n x n but for the first and the last: all factors are polynomials of x x^T.

    With q = a + r the factor of an iteration, x x^T becomes q (x x^T) q, and the product of the factors so far, written
    scale + mixed, becomes a scale + (a mixed + scale r + r mixed).
    """
    a, b, c = QUINTIC
    gram = x @ x.mT
    mixed, scale = gram, 1.0
    for iteration in range(ITERATIONS):
        rest = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        mixed = torch.addmm(a * mixed + scale * rest, rest, mixed) if iteration else rest
        scale *= a
        if iteration < ITERATIONS - 1:
            left = torch.addmm(gram, rest, gram, beta=a)
            gram = torch.addmm(left, left, rest, beta=a)
    return torch.addmm(x, mixed, x, beta=scale)


def adamw(groups: list[dict[str, Any]]) -> AdamW:
    """AdamW with Poseidon's betas and epsilon, in one pass over every tensor."""
    optimiser = AdamW(groups, betas=(0.9, 0.999), eps=1e-8, fused=True)
    optimiser._step_supports_amp_scaling = False  # else Lightning would not clip; nothing scales
    return optimiser


class MuonAdamW(Optimizer):
    """Steps two optimisers as one; schedulers see the groups of both.

    Args:
        groups: of `parameter_groups`; matrices of the group named `core` go to Muon.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        matrices, others = [], []
        for group in groups:
            is_core = group["name"] == MATRICES
            flat = [p for p in group["params"] if not (is_core and p.dim() == 2)]
            square = [p for p in group["params"] if is_core and p.dim() == 2]
            matrices += [{**group, "params": square}] if square else []
            others += [{**group, "params": flat}] if flat else []
        self.parts: list[Optimizer] = []
        if matrices:
            self.parts.append(Muon(matrices))
        if others:
            self.parts.append(adamw(others))
        super().__init__([g for part in self.parts for g in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """The groups and states of the parts are this optimiser's own."""
        self.param_groups = [g for part in self.parts for g in part.param_groups]
        for part in self.parts:
            self.state.update(part.state)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of both."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Read back what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share()
