"""Muon for the core's matrices, AdamW for all else, as one optimiser.

Muon (K. Jordan and others, 2024; `torch.optim.Muon`) replaces the momentum of a matrix by the nearest semi-orthogonal
matrix, so that every direction learns at the same pace; the update is scaled to AdamW's root mean square, so the same
rates serve both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer

MATRICES = "core"  # the parameter group whose matrices Muon takes


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
            self.parts.append(Muon(matrices, momentum=0.95, nesterov=True, adjust_lr_fn="match_rms_adamw"))
        if others:
            self.parts.append(AdamW(others, betas=(0.9, 0.999), eps=1e-8))
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
