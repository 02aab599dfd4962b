"""Golden cases of BioAnalyst: outputs, stages and losses under their published names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from safetensors.torch import load_file
from torch import Tensor, nn

from humboldt.domains.biodiversity import (
    GridBatch,
    GridConfig,
    GridEmbed,
    MonthHead,
    is_published,
    model_from_published,
    scale,
    unscale,
)
from humboldt.domains.biodiversity.embed import HOURS
from humboldt.domains.biodiversity.encodings import scaled
from humboldt.foundations import AttentionConfig, Model, fourier_features, read_config, sinusoid, wavelengths
from humboldt.foundations.windows import seams

WIDTH, LENGTH = 16, 7  # of the single functions
MASKS = {"c12_h10_w14_win145": ((12, 10, 14), (1, 4, 5)), "c4_h5_w6_win234": ((4, 5, 6), (2, 3, 4))}


def recognises(config: Mapping[str, Any]) -> bool:
    """A model's case, or the one of single functions."""
    return is_published(config) or "scaling_statistics" in config


def replay(case: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Run one case: outputs, stages and losses of a model or of each step of its rollout, or single functions."""
    record, inputs = read_config(case), load_file(case / "inputs.safetensors")
    inputs = {key: value.to(dtype) for key, value in inputs.items()}
    if not is_published(record):
        return {key: value.contiguous() for key, value in components(record, inputs).items()}
    model = model_from_published(record, load_file(case / "weights.safetensors")).to(dtype).eval()
    batch = read_batch(inputs, record, model.config)
    with torch.no_grad():
        found = rolled_out(model, batch, record["steps"]) if "steps" in record else single(model, batch)
    return {name: value.detach().contiguous().clone() for name, value in found.items()}


def single(model: Model, batch: GridBatch) -> dict[str, Tensor]:
    """One forward pass with every stage and every loss."""
    found, prediction = staged(model, batch)
    for name, mask in (("plain", "no"), ("td", "no"), ("mask_fully", "fully"), ("mask_partially_species", "partially")):
        model.head.config = dataclasses.replace(model.config, mask=mask)
        if mask == "no" or batch.land is not None:
            found[f"loss.{name}"] = model.head.loss(prediction, batch).reshape(1)
    return found


def rolled_out(model: Model, batch: GridBatch, steps: int) -> dict[str, Tensor]:
    """Every step of a rollout, and the loss of the last."""
    found: dict[str, Tensor] = {}
    for step in range(steps):
        stages, prediction = staged(model, batch)
        found |= {f"step{step}.{name}": value for name, value in stages.items()}
        if step == steps - 1 and batch.target is not None:
            found["loss.last_step_plain"] = model.head.loss(prediction, batch).reshape(1)
        batch = batch.advanced(prediction.fields, batch.target)
    return found


def staged(model: Model, batch: GridBatch) -> tuple[dict[str, Tensor], Any]:
    """The prediction, with what passes the places that the fixtures name."""
    found: dict[str, Tensor] = {}
    hooks = [part.register_forward_hook(_keep(found, name)) for name, part in places(model)]
    prediction = model(batch)
    for hook in hooks:
        hook.remove()
    return found | outputs(prediction.fields, model.config), prediction


def places(model: Model) -> Iterator[tuple[str, nn.Module]]:
    """Where each published stage appears."""
    scales: Any = model.core.scales
    embed, head = model.embed, model.head
    assert isinstance(embed, GridEmbed)
    assert isinstance(head, MonthHead)
    yield "stage.encoder_tokens", embed.norm
    yield "stage.encoder", model.embed
    yield "stage.backbone", model.core
    yield "stage.decoder_queries_out", head.perceiver
    if model.config.backbone == "mvit":
        yield from ((f"stage.mvit_block_{i}", block) for i, block in enumerate(scales[0].down))
        return
    last = len(scales) - 1
    for i, scale_ in enumerate(scales):
        yield f"stage.swin_encoder_{i}", scale_.merge if i < last else scale_.down[-1]
        yield f"stage.swin_decoder_{last - i}", scales[i - 1].split if i else scale_.up[-1]


def _keep(found: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hook(part: nn.Module, given: Any, result: Any) -> None:
        x = result if isinstance(result, Tensor) else rearrange(result.x, "b l h w d -> b (l h w) d")
        found[name] = x

    return hook


def outputs(fields: Tensor, config: GridConfig) -> dict[str, Tensor]:
    """Maps by their published names; atmospheric ones keep their levels."""
    found, slices = {}, config.slices()
    for group in config.groups:
        maps = rearrange(fields[:, slices[group.name]], "b (v l) h w -> v b l h w", l=group.tokens)
        for name, values in zip(group.variables, maps, strict=True):
            found[f"output.{group.name}_variables.{name}"] = values if group.levels else values[:, 0]
    return found


def read_batch(inputs: Mapping[str, Tensor], record: Mapping[str, Any], config: GridConfig) -> GridBatch:
    """The published inputs as one batch; the last time of `y` is the target."""

    def stacked(prefix: str) -> Tensor:
        parts = []
        for group in config.groups:
            for name in group.variables:
                x = inputs[f"{prefix}.{group.name}_variables.{name}"]
                parts.append(rearrange(x if group.levels else x.unsqueeze(2), "b t l h w -> b l t h w"))
        return torch.cat(parts, dim=1)

    fields = stacked("x")
    first = datetime.fromisoformat(record["timestamps"][0]).month
    has_target = any(key.startswith("y.") for key in inputs)
    return GridBatch(
        fields=fields,
        latitude=inputs["latitudes"][0],
        longitude=inputs["longitudes"][0],
        month=torch.full((len(fields),), first),
        lead_time=torch.full((len(fields),), float(record["lead_time"]), dtype=fields.dtype),
        target=stacked("y")[:, :, -1] if has_target else None,
        land=inputs.get("land_sea_mask"),
    )


def components(record: Mapping[str, Any], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The functions that have no weights: encodings, masks of moved windows, scaling and its published inverse."""
    times, positions = inputs["times"], inputs["patch_positions"]
    bands, ends = torch.linspace(1, 112, 64, dtype=times.dtype), torch.linspace(-1, 1, LENGTH, dtype=times.dtype)
    spread = torch.stack([scaled(column) for column in positions.unbind(1)], dim=1)
    found = {
        f"sinusoid_time_d{WIDTH}": sinusoid(times, WIDTH),
        f"lead_time_expansion_d{WIDTH}": wavelengths(times, *HOURS, WIDTH),
        "encoder_position_features": fourier_features(spread, bands).flatten(1),
        f"sequence_position_features_len{LENGTH}": fourier_features(ends, bands),
    }
    for name, (grid, window) in MASKS.items():
        attention = AttentionConfig(heads=1, window=window, shifted=True, padding="centred", seam=-100.0)
        mask = seams(grid, attention, (False, False, True), torch.device("cpu"))
        assert mask is not None
        found[f"shift_mask.{name}"] = mask.to(times)
    for group, variables in record["scaling_statistics"].items():
        for name, statistics in variables.items():
            raw = inputs[f"raw.{group}.{name}"]
            for mode in ("normalize", "standardize"):
                there = scale(raw, statistics, mode)
                found[f"{mode}.scaled.{group}.{name}"] = there
                found[f"{mode}.back.{group}.{name}"] = unscale(there, statistics, mode, behaviour="published")
    return found
