"""What is expected of a hook on one layer, which is less than a model; see `testing`."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from humboldt.foundations import Context

from .hook import Hook, WeightMap

RATE = 1e-2
TOLERANCE = 1e-6
"""Of a merge in float32, over the largest value, where peft adds an update to what a layer makes instead of mapping its
weights; what our own maps merge is exact."""
HALF = 0.05
"""Of a layer in bfloat16, whose numbers have eight bits."""


def check_layer(
    hook: Callable[[nn.Module], Hook], layer: nn.Module, x: Tensor, *, tolerance: float = 0.0, compiled: bool = False,
    half: bool = True, told: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """A hook on a single layer: equal at the start, alive, exact when merged or copied, in bfloat16 and compiled.

    Args:
        hook: makes the hook of a layer.
        layer: any module that takes `x`.
        x: its input.
        tolerance: of the start.
        compiled: also compile the site as one graph.
        half: also on a layer in bfloat16, if its weights are real, with a hook in float32.
        told: words of the forward pass that the hook reads.
    """
    from .site import Site

    context = Context()
    context.told = dict(told or {})
    site = Site(copy.deepcopy(layer).requires_grad_(False), "layer", context)
    site.put("default", hook(site.base_layer))
    plain = layer(x).detach()
    goal = plain + torch.randn(plain.shape, generator=torch.Generator().manual_seed(0))
    assert difference(site(x), plain) <= tolerance, "a hook must start as if it were not there"
    parameters = [p for p in site.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
    before = [p.detach().clone() for p in parameters]
    for _ in range(2):
        optimiser.zero_grad()
        (site(x) - goal).square().mean().backward()
        optimiser.step()
    assert all(not torch.equal(a, b) for a, b in zip(parameters, before, strict=True)), "every part must learn"
    site.eval()
    trained = site(x).detach()
    if compiled:
        torch.compiler.reset()
        torch.testing.assert_close(torch.compile(site, fullgraph=True, backend="eager")(x), trained)
    for again in (copy.deepcopy(site), pickle.loads(pickle.dumps(site))):
        again.context.told = dict(context.told)
        assert torch.equal(again(x), trained), "a copy, or what comes out of a pickle, must compute the same"
    made = site.hooks["default"]
    if isinstance(made, WeightMap) and not made.reads:
        weights = {n: p.clone() for n, p in site.base_layer.named_parameters()}
        site.merge()
        assert torch.equal(site.base_layer(x), trained), "a merged layer must compute the same, bit for bit"
        site.unmerge()
        assert all(torch.equal(p, weights[n]) for n, p in site.base_layer.named_parameters()), "unmerging must be exact"
    if half and not any(p.is_complex() for p in site.base_layer.parameters()):
        site.base_layer.to(torch.bfloat16)
        out = site(x.to(torch.bfloat16))
        assert out.dtype == torch.bfloat16, "a bfloat16 layer must stay one"
        assert difference(out.float(), trained) <= HALF, "a bfloat16 layer under a float32 hook must compute the same"
        check_half(hook, layer, x, context)


def check_half(hook: Callable[[nn.Module], Hook], layer: nn.Module, x: Tensor, context: Context) -> None:
    """A hook that is made for a layer in bfloat16 is in float32, and learns."""
    from .site import Site

    site = Site(copy.deepcopy(layer).to(torch.bfloat16).requires_grad_(False), "layer", context)
    site.put("default", hook(site.base_layer))
    free = [p for p in site.parameters() if p.requires_grad]
    assert {p.dtype for p in free} == {torch.float32}, "what is trained on a bfloat16 layer must be in float32"
    out = site(x.to(torch.bfloat16))
    (out.float() - torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).square().mean().backward()
    gradients = [p.grad for p in free if p.grad is not None]
    assert gradients, "a hook on a bfloat16 layer must get gradients"
    assert all(g.isfinite().all() for g in gradients), "gradients of a hook on a bfloat16 layer must be finite"


def difference(a: Tensor, b: Tensor) -> float:
    """The largest difference over the largest value."""
    return float((a - b).detach().abs().max() / b.abs().max().clamp_min(1e-30))
