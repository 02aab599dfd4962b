"""Golden cases of Prithvi WxC: outputs, intermediate states, loss and gradients under their published names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from safetensors.torch import load_file
from torch import Tensor, nn

from humboldt.domains.weather import (
    TokenMask,
    WeatherBatch,
    given_mask,
    is_published,
    model_from_published,
    rollout,
    squared_error,
    state_to_published,
)
from humboldt.foundations import Model, Tokens, read_config


def recognises(config: dict[str, Any]) -> bool:
    """Whether `config.json` is one of these cases."""
    return is_published(config.get("model", {}))


def replay(case: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Run one case: for every recorded mask, and for the natural order, what the fixtures' README names."""
    config = read_config(case)
    model = model_from_published(config["model"], load_file(case / "weights.safetensors")).to(dtype).eval()
    inputs = {k: v.to(dtype) if v.is_floating_point() else v for k, v in load_file(case / "inputs.safetensors").items()}
    found = _rollouts(model, inputs) if "statics" in inputs else _passes(model, inputs)
    return {name: value.detach().contiguous().clone() for name, value in found.items()}


def read_batch(inputs: dict[str, Tensor], mask: TokenMask | None, **changes: Tensor) -> WeatherBatch:
    """The published inputs under a mask."""
    inputs = {**inputs, **changes}
    return WeatherBatch(
        fields=inputs["x"],
        static=inputs["static"],
        climate=inputs.get("climate"),
        target=inputs.get("y"),
        lead_time=inputs["lead_time"].reshape(-1),
        input_time=inputs["input_time"].reshape(-1),
        mask=mask,
    )


def masks(model: Model, inputs: dict[str, Tensor]) -> Iterator[tuple[str, TokenMask | None]]:
    """Every mask of a case with the prefix of its results; results in natural order where nothing is masked."""
    units = model.config.units(tuple(inputs["x"].shape[-2:]))
    batch, recorded = len(inputs["x"]), False
    for name in inputs:
        if name.endswith("indices_unmasked"):
            prefix = name.removesuffix("indices_unmasked")
            mask = TokenMask(inputs[f"{prefix}indices_masked"], inputs[name])
            recorded = True
            yield prefix, mask
            if mask.is_empty:
                yield f"sorted_{prefix}", None
    for name, kind in (("global", "units"), ("local", "slots")):
        if f"mask_{name}" in inputs:
            recorded = True
            yield f"{name}_", given_mask(kind, inputs[f"mask_{name}"].bool(), batch, units)
            if name == "global":
                yield "nomask_", None
    if "mask_local" in inputs and "mask_global" not in inputs:
        yield "nomask_", None
    if not recorded:
        yield "", None


def _passes(model: Model, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for prefix, mask in masks(model, inputs):
        batch, states = read_batch(inputs, mask), dict[str, Tensor]()
        with recorded(model, states, batch):
            prediction = model(batch)
        states["output"] = prediction.fields
        for name, value in states.items():
            found[name if name in ("time_encoding", "fourier_pos_encoding") else f"{prefix}{name}"] = value
        if "feature_weights" in inputs and batch.target is not None:
            rows = torch.deg2rad(inputs["lats_deg"]).cos()
            loss = squared_error(prediction.fields, batch.target, rows, inputs["feature_weights"])
            found[f"{prefix}loss"] = loss.reshape(1)
            found |= {f"{prefix}grad.{name}": value for name, value in _gradients(model, loss).items()}
    return found


@contextlib.contextmanager
def recorded(model: Model, states: dict[str, Tensor], batch: WeatherBatch) -> Iterator[None]:
    """Keep the intermediate states of a forward pass under their published names."""
    embed, head, encoder = model.embed, model.head, model.core.scales[0].down

    def after(part: nn.Module, name: str, shape: str = "") -> Any:
        def keep(_: nn.Module, given: Any, out: Any) -> None:
            x = out.x if isinstance(out, Tokens) else out
            states[name] = rearrange(x, shape) if shape else x

        return part.register_forward_hook(keep)

    def keep_encoded(_: nn.Module, given: Any, out: Tokens) -> None:
        states["encoder_out"] = head.left(out, model.config.core)

    def keep_decoder(_: nn.Module, given: tuple[Tokens], out: Tokens) -> None:
        states["decoder_in"], states["decoder_out"] = given[0].x, head.left(out, model.config.decoder)

    field, layer, across = "b h w d -> b d h w", "", "b unit slot d -> b slot unit d"
    hooks = [
        after(embed.patches, "patch_embedding", field),
        after(embed.context.patches, "patch_embedding_static", field),
        after(embed.time, "time_encoding"),
        after(embed, "encoder_in"),
        after(encoder[0], "encoder_layer0_out", layer),
        model.core.register_forward_hook(keep_encoded),
        head.decoder.register_forward_hook(keep_decoder),
        after(head.unembed, "unembed_out"),
    ]
    if embed.context.position is not None:
        hooks.append(after(embed.context.position, "fourier_pos_encoding", field))
    if len(encoder) > 1:
        hooks.append(after(encoder[1], "encoder_layer1_out_transposed", across))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _rollouts(model: Model, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    steps, found = inputs["statics"].shape[1], dict[str, Tensor]()
    orders = [
        TokenMask(inputs[f"step{k}_indices_masked"], inputs[f"step{k}_indices_unmasked"])
        if f"step{k}_indices_unmasked" in inputs
        else None
        for k in range(steps)
    ]
    series = {name: f"{name}s" for name in ("static", "climate") if f"{name}s" in inputs} | {"lead_time": "lead_time"}
    natural = all(mask is None or mask.is_empty for mask in orders)
    for prefix, chosen in (("", orders), *([("sorted_", [None] * steps)] if natural else [])):

        def told(k: int, batch: WeatherBatch | None, chosen: Any = chosen) -> WeatherBatch:
            states = {} if batch is None else {"x": batch.fields}
            return read_batch(inputs, chosen[k], **states, **{name: inputs[key][:, k] for name, key in series.items()})

        with torch.no_grad():
            for k, prediction in enumerate(rollout(model, told(0, None), steps, told)):
                found[f"{prefix}step{k}"] = found[f"{prefix}output"] = prediction.fields
    return found


def _gradients(model: Model, loss: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    values = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return state_to_published(dict(zip(names, values, strict=True)), model.config)
