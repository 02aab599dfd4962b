"""The released BioAnalyst models as configurations of the shared core (arXiv 2507.09080)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from humboldt.foundations import AttentionConfig, BlockConfig, CoreConfig, PerceiverConfig, ScaleConfig

from .config import AdapterConfig, GridConfig, VariableGroup
from .variables import GROUPS, LEVELS, batch_order, variable_group

Behaviour = Literal["corrected", "published"]
SWIN: Mapping[str, dict[str, Any]] = {
    "medium": {"depths": (2, 2), "heads": (8, 16), "window": (1, 1, 1)},
    "large": {"depths": (2, 2, 2), "heads": (8, 16, 32), "window": (1, 4, 5)},
}


def biocube_groups() -> tuple[VariableGroup, ...]:
    """The eleven groups of the released models, with the order in which their weights take the variables."""
    groups = (variable_group(name, levels=LEVELS if name == "atmospheric" else ()) for name in GROUPS)
    return tuple(
        VariableGroup(**{**vars(group), "embedded": batch_order(group.name)})
        if group.variables != batch_order(group.name)
        else group
        for group in groups
    )


def swin_core(
    *,
    width: int,
    depths: Sequence[int],
    heads: Sequence[int],
    window: Sequence[int],
    up_depths: Sequence[int] = (),
    up_heads: Sequence[int] = (),
    mlp_ratio: float = 4.0,
    drop_path: float = 0.1,
    bias: bool = True,
    behaviour: Behaviour = "corrected",
) -> CoreConfig:
    """A Swin U-net on (group, row, column) that merges rows and columns, as Aurora's (arXiv 2405.13063).

    Args:
        depths, heads: blocks and heads on the way down, finest first.
        up_depths, up_heads: the same on the way up, *coarsest* first as published; mirrored by default.
        window: tokens along group, row and column.
        drop_path: of the last block on the way down, and of the first on the way up; 0 at the finest ends.
        behaviour: `published` pads as Aurora does, `corrected` hides padding and never lets borders touch.
    """
    count = len(depths)
    up_depths, up_heads = up_depths or tuple(reversed(depths)), up_heads or tuple(reversed(heads))
    published = behaviour == "published"

    def block(stage: int, number: int, heads: int, rate: float) -> BlockConfig:
        attention = AttentionConfig(
            heads=heads,
            window=tuple(window),
            shifted=number % 2 == 1,
            bias="all" if bias else "none",
            padding="centred" if published else "masked",
            seam=-100.0 if published else float("-inf"),
        )
        hidden = int(width * 2**stage * mlp_ratio)
        return BlockConfig(attention=attention, hidden=hidden, norm="post", drop_path=rate)

    def ramp(blocks: int) -> list[float]:
        return [drop_path * (i / max(blocks - 1, 1)) for i in range(blocks)]

    down_rates, up_rates = iter(ramp(sum(depths))), iter(reversed(ramp(sum(up_depths))))
    down = [[block(i, j, heads[i], next(down_rates)) for j in range(depths[i])] for i in range(count)]
    up = [[block(count - 1 - i, j, up_heads[i], next(up_rates)) for j in range(up_depths[i])] for i in range(count)]
    scales = tuple(
        ScaleConfig(width=width * 2**i, down=tuple(down[i]), up=tuple(up[count - 1 - i]), merge=(1, 2, 2))
        for i in range(count)
    )
    return CoreConfig(axes=3, scales=scales, condition=width, merge_norm="before", join="concatenate")


def mvit_core(width: int) -> CoreConfig:
    """Four pre-norm blocks of full attention on one scale; see `MViT`."""
    blocks = (
        BlockConfig(attention=AttentionConfig(heads=heads, window=(None,) * 3), hidden=4 * width)
        for heads in (1, 2, 2, 1)
    )
    return CoreConfig(axes=3, scales=(ScaleConfig(width=width, down=tuple(blocks)),), norm_eps=1e-6)


def bioanalyst(
    width: int,
    depth: int,
    swin: Literal["medium", "large"],
    *,
    patch: int = 4,
    heads: int = 16,
    behaviour: Behaviour = "corrected",
    adapter: AdapterConfig | None = None,
) -> GridConfig:
    """A released configuration by its sizes; see `bioanalyst_small`, `bioanalyst_medium` and `bioanalyst_large`."""
    return GridConfig(
        groups=biocube_groups(),
        grid=(160, 280),
        patch=patch,
        core=swin_core(width=width, behaviour=behaviour, **SWIN[swin]),
        perceiver=PerceiverConfig(heads=heads, groups=8, head_width=64, depth=depth, dropout=0.1),
        behaviour=behaviour,
        adapter=adapter,
    )


def bioanalyst_small(behaviour: Behaviour = "corrected") -> GridConfig:
    """The released weights, 195.4 million parameters; windows hold one token each, so merging alone mixes places."""
    return bioanalyst(256, 3, "medium", behaviour=behaviour)


def bioanalyst_medium(behaviour: Behaviour = "corrected") -> GridConfig:
    """The middle setting of the published code, 330.7 million parameters."""
    return bioanalyst(384, 6, "medium", behaviour=behaviour)


def bioanalyst_large(behaviour: Behaviour = "corrected", patch: int = 4) -> GridConfig:
    """The published training configuration, 748.3 million parameters; with patch 8 the second version's, 702.0."""
    return bioanalyst(512, 10, "large", patch=patch, behaviour=behaviour)
