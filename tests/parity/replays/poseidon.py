"""Golden cases of Poseidon / scOT: outputs, loss, activations and gradients under their published names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from safetensors.torch import load_file
from torch import Tensor, nn

from humboldt.domains.pde import FieldBatch, is_published, model_from_published, state_to_published
from humboldt.foundations import Model, Tokens, read_config

recognises = is_published


def replay(case: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Run one case: `output`, `loss` [1], `act.*` as [b, tokens, d], `grad.*` of the loss for every parameter."""
    model = model_from_published(read_config(case), load_file(case / "weights.safetensors")).to(dtype).eval()
    batch = read_batch(load_file(case / "inputs.safetensors")).to("cpu", dtype)
    found: dict[str, Tensor] = {}
    with_hooks = [part.register_forward_hook(_keep(found, name)) for name, part in places(model)]
    prediction = model(batch)
    for hook in with_hooks:
        hook.remove()
    scales: Any = model.core.scales
    for i, scale in enumerate(scales):
        if not len(scale.skip):
            found[f"act.skip{i}"] = found[f"act.encoder.stage{i}.before_downsample"]
    found["output"] = prediction.fields
    if batch.target is not None:
        loss = model.head.loss(prediction, batch)
        found["loss"] = loss.reshape(1)
        found |= _gradients(model, loss)
    return {name: value.detach().contiguous().clone() for name, value in found.items()}


def read_batch(inputs: dict[str, Tensor]) -> FieldBatch:
    """The published inputs; masks may be whole channels, times any shape with one value per sample."""
    fields, known, hidden = inputs["pixel_values"], inputs.get("pixel_mask"), inputs.get("bool_masked_pos")
    if known is not None and known.dim() == 2:
        known = rearrange(known, "b c -> b c 1 1")
    return FieldBatch(
        fields=fields,
        lead_time=inputs["time"].reshape(len(fields)) if "time" in inputs else fields.new_zeros(len(fields)),
        target=inputs.get("labels"),
        known=None if known is None else known.bool(),
        hidden=None if hidden is None else hidden.reshape(len(fields), -1).bool(),
    )


def places(model: Model) -> Iterator[tuple[str, nn.Module]]:
    """Where each published activation appears."""
    scales: Any = model.core.scales
    last = len(scales) - 1
    yield "act.embeddings", model.embed
    for i, scale in enumerate(scales):
        for j, block in enumerate(scale.down):
            yield f"act.encoder.stage{i}.block{j}", block
        yield f"act.encoder.stage{i}.before_downsample", scale.down[-1]
        yield f"act.encoder.stage{i}.out", scale.merge if i < last else scale.down[-1]
        if len(scale.skip):
            yield f"act.skip{i}", scale.skip[-1]
        yield f"act.decoder.layer{last - i}.out", scales[i - 1].split if i else scale.up[-1]


def _keep(found: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hook(part: nn.Module, given: Any, tokens: Tokens) -> None:
        found[name] = rearrange(tokens.x, "b ... d -> b (...) d")

    return hook


def _gradients(model: Model, loss: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    values = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    published = state_to_published(dict(zip(names, values, strict=True)), model.config)
    return {f"grad.{name}": value for name, value in published.items()}
