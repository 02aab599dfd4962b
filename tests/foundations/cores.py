"""Small cores for the tests."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import torch
from torch import nn

from humboldt.foundations import AttentionConfig, BlockConfig, Core, CoreConfig, ScaleConfig, Tokens

M = TypeVar("M", bound=nn.Module)
Norm = Literal["pre", "post"]


def attention(axes: int = 2, window: int | None = 4, **choices: Any) -> AttentionConfig:
    """Two heads in cosine attention with position bias, unless chosen otherwise."""
    plain = {"heads": 2, "window": (window,) * axes, "similarity": "cosine", "position": "log", "bias": "query_value"}
    chosen: dict[str, Any] = {**plain, **choices}
    return AttentionConfig(**chosen)


def pair(width: int, axes: int, norm: Norm = "post", window: int | None = 4, **choices: Any) -> tuple[BlockConfig, ...]:
    """A block and one with shifted windows."""
    return tuple(
        BlockConfig(attention=attention(axes, window, shifted=s, **choices), hidden=2 * width, norm=norm)
        for s in (False, window is not None)
    )


def pyramid(
    axes: int = 2,
    width: int = 8,
    norm: Norm = "post",
    skip_kind: Literal["convnext", "resnet"] = "convnext",
    **choices: Any,
) -> CoreConfig:
    """Two scales with merging, skips and shifted windows."""
    return CoreConfig(
        axes=axes,
        scales=(
            ScaleConfig(
                width=width,
                down=pair(width, axes, norm, **choices),
                up=pair(width, axes, norm, **choices),
                skip=1,
                merge=(2,) * axes,
            ),
            ScaleConfig(width=2 * width, down=pair(2 * width, axes, norm, **choices)),
        ),
        condition=3,
        residual_scale=True,
        final_norm=norm == "pre",
        skip_kind=skip_kind,
    )


def sequence(causal: bool = True, **choices: Any) -> CoreConfig:
    """A plain pre-norm transformer on a sequence."""
    block = BlockConfig(attention=AttentionConfig(heads=2, causal=causal, **choices), hidden=16)
    return CoreConfig(axes=1, scales=(ScaleConfig(width=8, down=(block, block)),), final_norm=True)


def awake(core: M, seed: int = 0) -> M:
    """Every parameter random, so that no part is silent (zero conditions, tiny gammas, zero biases)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype), alpha=0.1)
    return core


def tokens(
    core: Core,
    *grid: int,
    batch: int = 2,
    periodic: bool = False,
    dtype: torch.dtype = torch.float32,
    seed: int = 1,
) -> Tokens:
    """Random tokens that fit a core."""
    generator = torch.Generator().manual_seed(seed)
    config = core.config
    x = torch.randn(batch, *grid, config.scales[0].width, generator=generator, dtype=dtype)
    condition = torch.rand(batch, config.condition, generator=generator, dtype=dtype) if config.condition else None
    return Tokens(x, condition, periodic=(periodic,) * len(grid))
