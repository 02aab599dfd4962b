"""One model for several budgets of tokens (FluxViT, arXiv 2503.14237)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from humboldt.foundations import ConfigError, Context, Core, Model, TimeNorm, Tokens

from ..adapted import plain_layers, plain_name
from ..adapter import HookAdapter
from ..hook import TokenMap
from ..method import Kind


class Selection(TokenMap):
    """A core sees the tokens that differ most from their neighbours, and some spread evenly; the others count as zero.

    On a grid that is cut into windows the places of the others stay: they read, but are not read.
    """

    def __init__(self, even: float) -> None:
        super().__init__()
        self.even = even

    def before(self, tokens: Tokens, context: Context) -> Tokens:
        """The tokens that the budget allows; all without one."""
        if context.budget is None or context.budget >= 1:
            return tokens
        kept = chosen(tokens, context.budget, self.even)
        return dataclasses.replace(tokens, mask=kept if tokens.mask is None else kept & tokens.mask)

    def after(self, tokens: Tokens, out: Tokens, context: Context) -> Tokens:
        """For the head nothing is hidden that was not before."""
        return dataclasses.replace(out, mask=tokens.mask)


def chosen(tokens: Tokens, budget: float, even: float) -> Bool[Tensor, "b *grid"]:
    """The same number of tokens of every sample, ceil(budget n): a share `even` of them evenly spread."""
    scores = change(tokens).flatten(1)
    total = scores.shape[1]
    count = math.ceil(budget * total - 1e-9)
    spread = max(1, round(even * count)) if even else 0
    first = torch.arange(spread, device=scores.device) * total // max(1, spread)
    scores = scores.index_fill(1, first, torch.inf)
    kept = torch.zeros_like(scores, dtype=torch.bool).scatter(1, scores.topk(count, dim=1).indices, True)
    return kept.view(len(kept), *tokens.grid)


@torch.no_grad()
def change(tokens: Tokens) -> Float[Tensor, "b *grid"]:
    """Mean square of the difference to the next token, summed over the axes (of the last one to that before it)."""
    x = tokens.seen()
    found = torch.zeros_like(x[..., 0])
    for axis in range(1, x.dim() - 1):
        if x.shape[axis] > 1:
            step = x.diff(dim=axis).square().mean(-1)
            found = found + torch.cat([step, step.narrow(axis, step.shape[axis] - 1, 1)], dim=axis)
    return found


@dataclass(frozen=True, kw_only=True)
class TokenBudget(HookAdapter):
    """Losses at several budgets of tokens are summed, and what is made of few is drawn to what is made of all.

    The norms of the core are trained, and the whole parts. Afterwards one checkpoint serves every budget
    (`with model.context.at(budget=0.25)`); without one it uses all tokens. Which tokens are kept depends on the whole
    sample, so causal cores are no site. A core on windows does not run faster for it.

    Published: all, two thirds and a third of the tokens.

    Attributes:
        budgets: shares of tokens in training, besides all of them.
        even: share of the kept tokens that are evenly spread, so that calm regions are covered.
        alike: weight of the smooth distance between the mean tokens (of length one) of a budget and of all tokens.
    """

    name: ClassVar[str] = "token_budget"
    trains: ClassVar[str] = "norms"
    kind: ClassVar[Kind] = "tokens"
    source: ClassVar[str] = "arXiv 2503.14237"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Core,)
    targets: str = r"^core$"
    budgets: tuple[float, ...] = (0.5, 0.25)
    even: float = 0.25
    alike: float = 1.0

    def __post_init__(self) -> None:
        if not self.budgets or not all(0 < b < 1 for b in self.budgets) or not 0 <= self.even <= 1:
            raise ConfigError(
                f"budgets are shares of tokens in (0, 1), and even is in [0, 1], got {self.budgets} and {self.even}"
            )

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Cores that look both ways."""
        return isinstance(layer, Core) and not any(
            block.attention.causal for scale in layer.config.scales for block in (*scale.down, *scale.up)
        )

    def hook(self, layer: nn.Module) -> Selection:
        """The selection."""
        return Selection(self.even)

    def also_trained(self, model: nn.Module) -> set[str]:
        """The norms of the core."""
        norms = {name for name, m in plain_layers(model) if isinstance(m, TimeNorm | _BatchNorm)}
        named = {name: plain_name(name).rpartition(".")[0] for name, _ in model.named_parameters()}
        inner = {name: owner.rpartition(".")[0] for name, owner in named.items()}
        return {
            name for name in named
            if name.startswith("core.") and (named[name] in norms or inner[name] in norms)
        }  # fmt: skip

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The model's loss at every budget, and how far what is made of few tokens is from what is made of all."""
        found: dict[str, Tensor] = {}
        whole, found["loss"] = self.at_budget(model, batch, None)
        for budget in self.budgets:
            part, found[f"loss at {budget}"] = self.at_budget(model, batch, budget)
            found[f"alike at {budget}"] = self.alike * F.smooth_l1_loss(part, whole.detach())
        return found

    def at_budget(self, model: Model, batch: Any, budget: float | None) -> tuple[Float[Tensor, "b d"], Tensor]:
        """The mean token of every sample, of length one, and the loss."""
        from humboldt.foundations import bare

        with model.context.at(**({} if budget is None else {"budget": budget})):
            tokens = model.encode(batch)
            loss = model.head.loss(model.head(tokens, bare(batch)), bare(batch))
        return F.normalize(tokens.seen().flatten(1, -2).mean(1), dim=-1, eps=1e-6), loss
