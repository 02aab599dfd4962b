"""Checks that every method has to pass; call them from the tests of a method of your own.

    from humboldt.finetune.testing import check_method
    check_method(MyMethod(), model, batch)

Each check raises AssertionError with what was expected and what was found. A check trains two steps at most, so a
model and a batch of a few samples are enough.
"""

from __future__ import annotations

import copy
import pickle
import tempfile
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from humboldt.foundations import CheckpointError, ConfigError, Model

from .adapted import added_parameters, disabled, plain_name, wrapped
from .adapter import Adapter
from .adapter_file import left_out, put_adapter, read_adapter, write_adapter
from .layer_testing import RATE, TOLERANCE, check_layer, difference
from .method import MergeError, Method, method
from .recipe import Recipe

__all__ = ["check_layer", "check_method"]


def check_method(way: Method, model: Model, batch: Any, *, tolerance: float = TOLERANCE) -> None:
    """Everything that the house expects of a method, on one model and one batch that carries a target.

    Args:
        way: the method with the options to be tested.
        model: any composition of embedding, core and head; left as it is.
        batch: at least two samples.
        tolerance: of a merge by peft, relative to the largest value; what merges by our own means is exact.
    """
    check_described(way)
    started = check_start(way, model, batch)
    prepared = check_training(way, model, batch, started)
    trained = outputs(prepared, batch)
    if isinstance(way, Adapter):
        check_disabled(prepared, model, batch, trained)
        check_file(way, prepared, model, batch, trained)
        check_two(way, model, batch)
    check_copies(prepared, batch, trained)
    check_merge(way, prepared, model, batch, tolerance)


def check_described(way: Method) -> None:
    """The description makes the method again, and says where it comes from."""
    assert method(**way.describe()) == way, f"method(**describe()) must make {way} again"
    assert (type(way).__doc__ or "").strip(), f"{way.name} must say in its docstring what it does"


def check_start(way: Method, model: Model, batch: Any) -> dict[str, Tensor]:
    """At step 0 the model computes what it did before: bit for bit, or within what the method declares.

    Returns the tensors of the prepared model.
    """
    prepared = prepare(way, model)
    started = {name: value.clone() for name, value in prepared.state_dict().items()}
    way.begin(prepared, batch)
    plain = like(prepared, model)
    for a, b in zip(outputs(prepared, batch), outputs(plain, batch), strict=True):
        error = difference(a, b)
        assert error <= way.start_tolerance, (
            f"{way.name} must start where the model was, relative difference {error:.1e}, "
            f"declared {way.start_tolerance:.0e}"
        )
    return started


def check_training(way: Method, model: Model, batch: Any, started: Mapping[str, Tensor]) -> Model:
    """Two steps move everything that is trained, every part of it, and nothing else; returns the trained model.

    It starts with the tensors of another that was prepared with the same seed.
    """
    prepared = prepare(way, model)
    before = {name: value.clone() for name, value in prepared.state_dict().items()}
    for name, value in started.items():
        assert torch.equal(value, before[name]), f"the same seed must give the same {name}"
    allowed = declared(way, prepared)
    trained = {name for name, p in prepared.named_parameters() if p.requires_grad}
    if not way.gradients:
        trained = allowed
    assert trained <= allowed, (
        f"{way.name} must train what it declares alone, also trains {sorted(trained - allowed)[:3]}"
    )
    train(way, prepared, batch)
    after = prepared.state_dict()
    buffers = {name for name, _ in prepared.named_buffers()}
    moved = {n for n in after if n not in trained | buffers and not torch.equal(after[n], before[n])}
    assert not moved, f"what is frozen must stay as it is, {way.name} moved {sorted(moved)[:3]}"
    added = {id(p) for p in added_parameters(prepared)}
    mine = {name for name, p in prepared.named_parameters() if id(p) in added and p.requires_grad}
    if not way.gradients:
        check_search(way, prepared, before)
        return prepared
    used = {name for name, p in prepared.named_parameters() if p.grad is not None}
    still = {n for n in (mine or trained & used) if torch.equal(after[n], before[n])}
    assert not still, f"all that is trained must move within two steps, {way.name} left {sorted(still)[:3]}"
    for name, value in after.items():
        assert torch.isfinite(value).all() or not value.is_floating_point(), f"{name} must stay finite"
    return prepared


def check_search(way: Method, prepared: Model, before: Mapping[str, Tensor]) -> None:
    """A method without gradients has found something, and no parameter has or wants a gradient."""
    after = prepared.state_dict()
    wanting = [name for name, p in prepared.named_parameters() if p.requires_grad or p.grad is not None]
    assert not wanting, f"{way.name} declares that it needs no gradients, and has some of {wanting[:3]}"
    assert any(not torch.equal(after[name], before[name]) for name in after), f"{way.name} must find something"


def check_disabled(prepared: Model, model: Model, batch: Any, trained: list[Tensor]) -> None:
    """With its adapters disabled, the model computes what its base does, and afterwards what it did."""
    whole = like(prepared, model)
    names = own(whole)
    whole.load_state_dict({plain_name(k): v for k, v in prepared.state_dict().items() if plain_name(k) in names})
    free = sum(p.requires_grad for p in prepared.parameters())
    with disabled(prepared):
        for a, b in zip(outputs(prepared, batch), outputs(whole, batch), strict=True):
            assert torch.equal(a, b), "a disabled adapter must leave the base bit for bit"
    assert sum(p.requires_grad for p in prepared.parameters()) == free, "what is trained must survive disabling"
    for a, b in zip(outputs(prepared, batch), trained, strict=True):
        assert torch.equal(a, b), "an adapter that is enabled again must act as before"


def check_file(way: Adapter, prepared: Model, model: Model, batch: Any, trained: list[Tensor]) -> None:
    """An adapter file gives the same model on its base, bit for bit, and is refused on another."""
    with tempfile.TemporaryDirectory() as folder:
        write_adapter(folder, prepared, way)
        record, state = read_adapter(folder)
    frozen = left_out(prepared).keys()
    inside = {plain_name(key) for key in state} & frozen
    assert not inside, f"an adapter file must not hold frozen weights, it holds {sorted(inside)[:3]}"
    again = prepare(way, model, seed=99)
    put_adapter(again, record, state)
    for a, b in zip(outputs(again, batch), trained, strict=True):
        assert torch.equal(a, b), "a loaded adapter must compute what the saved one did"
    with torch.no_grad():
        next(p for n, p in again.named_parameters() if plain_name(n) in frozen).add_(1.0)
    try:
        put_adapter(again, record, state)
    except CheckpointError:
        return
    raise AssertionError("an adapter must be refused on another base")


def check_two(way: Adapter, model: Model, batch: Any) -> None:
    """A second adapter of the same kind composes with the first, or is refused with a reason."""
    first = prepare(way, model)
    try:
        torch.manual_seed(5)
        both = way.prepare(first, "second")
    except ConfigError:
        return
    train(way, both, batch)
    for a in outputs(both, batch):
        assert torch.isfinite(a).all(), "two adapters together must compute something finite"


def check_copies(prepared: Model, batch: Any, trained: list[Tensor]) -> None:
    """A copy of the model, or what comes out of a pickle, computes the same (some layers of peft cannot be pickled)."""
    ours = all(hasattr(layer, "hooks") for _, layer in wrapped(prepared))
    for again in (copy.deepcopy(prepared), *([pickle.loads(pickle.dumps(prepared))] if ours else [])):
        for a, b in zip(outputs(again, batch), trained, strict=True):
            assert torch.equal(a, b), "a copy, or what comes out of a pickle, must compute the same"


def check_merge(way: Method, prepared: Model, model: Model, batch: Any, tolerance: float = TOLERANCE) -> None:
    """Merged, the model has its plain weights and computes the same; or it is refused and stays as it was."""
    before = outputs(prepared.eval(), batch)
    if not way.mergeable:
        try:
            way.merge(prepared)
        except MergeError:
            for a, b in zip(outputs(prepared, batch), before, strict=True):
                assert torch.equal(a, b), "a refused merge must leave the model as it was"
            return
        raise AssertionError(f"{way.name} declares that it cannot be merged, and was")
    check_unmerge(prepared)
    merged = way.merge(prepared)
    assert own(merged) == own(model), "a merged model must have the tensors of the plain one"
    assert not wrapped(merged), "a merged model must have no wrapping"
    assert all(p.requires_grad for p in merged.parameters()), "nothing in a merged model may be frozen"
    for a, b in zip(outputs(merged, batch), before, strict=True):
        error = difference(a, b)
        assert error <= tolerance, f"a merged model must compute the same, relative difference {error:.1e}"


def check_unmerge(prepared: Model) -> None:
    """Unmerged, our sites have their weights again bit for bit (peft's own layers subtract, and come close)."""
    before = {name: p.detach().clone() for name, p in prepared.named_parameters()}
    layers = [layer for _, layer in wrapped(prepared) if hasattr(layer, "hooks")]
    for layer in layers:
        layer.merge()
    for layer in layers:
        layer.unmerge()
    for name, value in prepared.named_parameters():
        assert torch.equal(value, before[name]), f"unmerging must give {name} back bit for bit"


def prepare(way: Method, model: Model, seed: int = 1) -> Model:
    """A prepared copy in training mode, without its dropout."""
    torch.manual_seed(seed)
    return way.prepare(without_chance(copy.deepcopy(model).train()))


def like(prepared: Model, model: Model) -> Model:
    """A plain copy in which the same weights are frozen: what needs no gradient may be computed in another way."""
    free = {plain_name(name) for name, p in prepared.named_parameters() if p.requires_grad}
    plain = without_chance(copy.deepcopy(model).train(prepared.training))
    for name, parameter in plain.named_parameters():
        parameter.requires_grad_(name in free)
    return plain


def without_chance(model: Model) -> Model:
    """The model with every rate of dropping at zero: a check compares two passes."""
    for module in model.modules():
        for name in ("p", "rate", "dropout", "channel_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    return model


def declared(way: Method, prepared: Model) -> set[str]:
    """Names of the parameters that a method may train."""
    names = {name for name, _ in prepared.named_parameters()}
    if not isinstance(way, Adapter):
        return names
    added, parts = {id(p) for p in added_parameters(prepared)}, tuple(f"{part}." for part in way.whole)
    mine = {name for name, p in prepared.named_parameters() if id(p) in added}
    return mine | {n for n in names if n.startswith(parts)} | way.also_trained(prepared)


def train(way: Method, model: Model, batch: Any, steps: int = 2) -> None:
    """A few steps as the training loop makes them; every trained parameter is in exactly one group."""
    way.begin(model, batch)
    if not way.gradients:
        for step in range(steps):
            way.search(model, batch, step, steps)
        return
    groups = way.parameter_groups(model, Recipe(core_rate=RATE, embedding_rate=RATE, norm_rate=RATE))
    members = [p for group in groups for p in group["params"]]
    free = {p for p in model.parameters() if p.requires_grad}
    assert len(members) == len(set(members)), "a parameter must be in one group of the optimiser"
    assert set(members) == free, "the groups of the optimiser must hold what is trained, and nothing else"
    optimiser = torch.optim.AdamW(groups)
    for step in range(steps):
        optimiser.zero_grad()
        losses: Mapping[str, Tensor] = way.loss(model, batch)
        torch.stack(list(losses.values())).sum().backward()
        way.on_gradients(model, step, steps)
        optimiser.step()
        way.on_step(model, step + 1, steps)


def outputs(model: Model, batch: Any) -> list[Tensor]:
    """The floating tensors of a prediction, computed as in training (a wrapped layer is never fused), by one chance."""
    torch.manual_seed(11)
    found = vars(model(batch)).values()
    return [v.detach() for v in found if isinstance(v, Tensor) and v.is_floating_point()]


def own(model: nn.Module) -> set[str]:
    """Names of the tensors of a model."""
    return set(model.state_dict())
