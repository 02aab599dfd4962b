"""Checks that every core and every model of a domain has to pass; call them from tests.

Each check raises AssertionError with what was expected and what was found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import load_strictly, read_config, read_weights
from .context import evaluating
from .contracts import Model
from .tokens import Tokens


def prediction_tensors(prediction: Any) -> list[Tensor]:
    """The floating tensors that a prediction holds, in the order of its fields."""
    return [v for v in vars(prediction).values() if isinstance(v, Tensor) and v.is_floating_point()]


def check_model_contract(
    model: Model,
    batch: Any,
    *,
    take: Callable[[Any, slice], Any] | None = None,
    rebuild: Callable[[Any], Model] | None = None,
    tolerance: float = 1e-5,
) -> None:
    """Everything that the house expects of a model, on one batch that carries a target.

    Args:
        model: any composition of embedding, core and head.
        batch: at least two samples.
        take: `take(batch, slice)` cuts samples out of a batch; with it, independence of samples is checked.
        rebuild: makes a model with other weights from `config.json`'s "config"; with it, saving and loading is checked.
        tolerance: of comparisons that may round differently, relative to the largest value.
    """
    with evaluating(model):
        check_finite_and_deterministic(model, batch)
        check_encoded_once(model, batch)
        check_gradients(model, batch)
        if take is not None:
            check_samples_are_independent(model, batch, take, tolerance)
        if rebuild is not None:
            check_round_trip(model, batch, rebuild)


@torch.no_grad()
def check_finite_and_deterministic(model: Model, batch: Any) -> None:
    """Evaluated twice, a model says the same twice, and it is finite."""
    first, second = prediction_tensors(model(batch)), prediction_tensors(model(batch))
    assert first, "a prediction must hold at least one floating tensor"
    for a, b in zip(first, second, strict=True):
        assert torch.isfinite(a).all(), "a prediction must be finite for finite input"
        assert torch.equal(a, b), "in evaluation mode the same batch must give the same prediction"


@torch.no_grad()
def check_encoded_once(model: Model, batch: Any) -> None:
    """Tokens that were encoded once serve any number of heads."""
    tokens, grid = model.encode(batch), model.embed(batch).grid
    assert isinstance(tokens, Tokens), f"encode must return Tokens, got {type(tokens).__name__}"
    assert tokens.grid == grid, f"a core must keep its grid, got {tokens.grid} from {grid}"
    whole = prediction_tensors(model(batch))
    for other in (model, model.with_head(model.head)):
        for a, b in zip(whole, prediction_tensors(other.head(tokens, batch)), strict=True):
            assert torch.equal(a, b), "head(encode(batch)) must equal the model's prediction"


def check_gradients(model: Model, batch: Any) -> None:
    """The loss is a finite scalar and every trainable parameter gets a finite gradient."""
    loss = model.loss(batch)
    assert loss.dim() == 0, f"a loss must be a scalar, got shape {tuple(loss.shape)}"
    assert torch.isfinite(loss), f"a loss must be finite, got {loss.item()}"
    names, parameters = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad), strict=True)
    for name, grad in zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True):
        assert grad is not None, f"every trainable parameter must be used, {name} is not"
        assert torch.isfinite(grad).all(), f"gradients must be finite, that of {name} is not"


@torch.no_grad()
def check_samples_are_independent(
    model: Model, batch: Any, take: Callable[[Any, slice], Any], tolerance: float = 1e-5
) -> None:
    """A sample's prediction does not depend on its neighbours in the batch."""
    together = prediction_tensors(model(batch))
    alone = prediction_tensors(model(take(batch, slice(1, 2))))
    for a, b in zip(together, alone, strict=True):
        _assert_close(a[1:2], b, tolerance, "a prediction must not depend on the other samples of its batch")


@torch.no_grad()
def check_round_trip(model: Model, batch: Any, rebuild: Callable[[Any], Model]) -> None:
    """What is saved is what is loaded, bit for bit."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        record = read_config(folder)
        again = load_strictly(rebuild(record["config"]), read_weights(folder, record["sha256"])).eval()
    assert again.config == model.config, f"a checkpoint must keep the config, got {again.config}"
    for a, b in zip(prediction_tensors(model(batch)), prediction_tensors(again(batch)), strict=True):
        assert torch.equal(a, b), "a loaded model must predict what the saved one did"


@torch.no_grad()
def check_translation(core: nn.Module, tokens: Tokens, period: tuple[int, ...], tolerance: float = 1e-4) -> None:
    """On periodic axes a core commutes with a translation by `period` tokens."""
    axes = tuple(range(1, 1 + len(period)))
    moved = core(tokens.with_x(tokens.x.roll(period, axes))).x
    _assert_close(moved, core(tokens).x.roll(period, axes), tolerance, f"a translation by {period} must commute")


@torch.no_grad()
def check_causal(core: nn.Module, tokens: Tokens, tolerance: float = 1e-6) -> None:
    """What comes later does not change what came before."""
    whole, count = core(tokens).x, tokens.grid[0]
    for n in range(1, count):
        x = tokens.x.clone()
        x[:, n:] = torch.randn_like(x[:, n:])
        _assert_close(core(tokens.with_x(x)).x[:, :n], whole[:, :n], tolerance, f"tokens before {n} must not change")


def _assert_close(a: Tensor, b: Tensor, tolerance: float, rule: str) -> None:
    error = float((a - b).abs().max() / b.abs().max().clamp_min(1e-30))
    assert error <= tolerance, f"{rule}; relative difference {error:.2e}, allowed {tolerance:.0e}"
