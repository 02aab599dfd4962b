"""The configurations of the published Poseidon models (arXiv 2405.19101)."""

from __future__ import annotations

from humboldt.foundations import AttentionConfig, BlockConfig, CoreConfig, ScaleConfig

from .config import Channel, PDEConfig


def fluid_channels() -> tuple[Channel, ...]:
    """Density, velocity and pressure: the four channels of the published pretraining."""
    return (
        Channel(name="density"),
        Channel(name="velocity_x", group="velocity"),
        Channel(name="velocity_y", group="velocity"),
        Channel(name="pressure"),
    )


def scot_core(
    *,
    width: int,
    depths: tuple[int, ...],
    heads: tuple[int, ...],
    window: int,
    grid: int,
    mlp_ratio: float = 4.0,
    skips: tuple[int, ...] = (2, 2, 2, 0),
    skip_kind: str = "convnext",
    condition: int = 1,
    bias: bool = True,
    drop_path: float = 0.0,
    eps: float = 1e-5,
) -> CoreConfig:
    """The core of the published scOT models (arXiv 2405.19101): a Swin-v2 U-shape on a square token grid."""
    count = 2 * sum(depths)
    rates = iter([drop_path * i / max(count - 1, 1) for i in range(count)])

    def blocks(stage: int, up: bool) -> tuple[BlockConfig, ...]:
        here = grid // 2**stage
        depth = depths[stage]
        return tuple(
            BlockConfig(
                attention=AttentionConfig(
                    heads=heads[stage],
                    window=(min(window, here),) * 2,
                    shifted=(depth - 1 - j if up else j) % 2 == 1 and here > window,
                    similarity="cosine",
                    position="log",
                    bias="query_value" if bias else "none",
                    padding="visible",
                    seam=-200.0,
                ),
                hidden=int(mlp_ratio * width * 2**stage),
                norm="post",
                drop_path=next(rates),
            )
            for j in range(depth)
        )

    stages = range(len(depths))
    down = [blocks(stage, up=False) for stage in stages]
    up = {stage: blocks(stage, up=True) for stage in reversed(stages)}
    scales = tuple(
        ScaleConfig(width=width * 2**i, down=down[i], up=up[i], skip=int(skips[i]), merge=(2, 2)) for i in stages
    )
    return CoreConfig(
        axes=2,
        scales=scales,
        condition=condition,
        skip_kind=skip_kind,  # type: ignore[arg-type]
        residual_scale=True,
        norm_eps=eps,
    )


def poseidon(width: int, depth: int) -> PDEConfig:
    """A published Poseidon configuration by its two sizes; see `poseidon_t`, `poseidon_b`, `poseidon_l`."""
    core = scot_core(width=width, depths=(depth,) * 4, heads=(3, 6, 12, 24), window=16, grid=32)
    channels = fluid_channels()
    return PDEConfig(inputs=channels, outputs=channels, core=core, patch=4, resolution=128, periodic=False)


def poseidon_t() -> PDEConfig:
    """Poseidon-T, 20,774,444 parameters."""
    return poseidon(48, 4)


def poseidon_b() -> PDEConfig:
    """Poseidon-B, 157,729,988 parameters."""
    return poseidon(96, 8)


def poseidon_l() -> PDEConfig:
    """Poseidon-L, 628,575,524 parameters."""
    return poseidon(192, 8)
