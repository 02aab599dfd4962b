"""Which published BioAnalyst tensors each tensor of ours holds; reading and writing follow this table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .config import GridConfig

SHORT = {"atmospheric": "atmos"}
LATENTS = {"atmospheric": "atmos", "agriculture": "agri"}


@dataclass(frozen=True)
class Entry:
    """Tensors of ours and the published tensors that hold the same rows, one after the other.

    Attributes:
        ours: keys in `model.state_dict()`, of equal lengths.
        published: keys.
        lengths: rows of each published tensor; empty for one.
        shape: of ours, where only the axes differ; empty for the same.
        copies: further published keys, one for each of `published`, that hold the same.
    """

    ours: tuple[str, ...]
    published: tuple[str, ...]
    lengths: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    copies: tuple[str, ...] = ()

    def read(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our tensors from published ones."""
        joined = torch.cat([state[key] for key in self.published])
        parts = joined.chunk(len(self.ours)) if not self.shape else (joined.reshape(self.shape),)
        return dict(zip(self.ours, parts, strict=True))

    def write(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Published tensors from ours."""
        joined = torch.cat([state[key] for key in self.ours])
        if self.shape:
            joined = joined.reshape(1, -1, self.shape[-1])
        parts = joined.split(list(self.lengths)) if self.lengths else (joined,)
        found = dict(zip(self.published, parts, strict=True))
        return found | dict(zip(self.copies, parts, strict=bool(self.copies)))


def layout(config: GridConfig) -> Iterator[Entry]:
    """Every tensor of a BioAnalyst model except the normalisation statistics and the fixed matrices of VeRA."""
    _, rows, columns = config.tokens
    for group in config.groups:
        name = SHORT.get(group.name, group.name)
        yield from _linear(f"embed.groups.{group.name}", f"encoder.{name}_token_embeds")
        yield from _linear(f"head.maps.{group.name}", f"decoder.{name}_token_proj")
    names = tuple(f"encoder.{LATENTS.get(g.name, g.name)}_latents" for g in config.groups)
    lengths = tuple(g.tokens * rows * columns for g in config.groups)
    copies = tuple(f"encoder._latent_parameter_list.{i}" for i in range(len(names)))
    yield Entry(("embed.queries",), names, lengths, copies=copies)
    yield Entry(("embed.levels",), ("encoder.atmos_levels_embed.weight",))
    yield from _linear("embed.norm", "encoder.pre_perceiver_norm")
    for ours, published in (("embed", "encoder"), ("head", "decoder")):
        yield from _linear(f"{ours}.place", f"{published}.pos_embed")
        yield from _linear(f"{ours}.clock.lead_time", f"{published}.lead_time_embed")
        yield from _linear(f"{ours}.clock.month", f"{published}.absolute_time_embed")
        yield from _perceiver(f"{ours}.perceiver", f"{published}.perceiver_io", config.perceiver.depth)
    yield from _mvit(config) if config.backbone == "mvit" else _swin(config)


def _linear(ours: str, published: str, bias: bool = True) -> Iterator[Entry]:
    for name in ("weight", "bias") if bias else ("weight",):
        yield Entry((f"{ours}.{name}",), (f"{published}.{name}",))


def _perceiver(ours: str, published: str, depth: int) -> Iterator[Entry]:
    yield Entry((f"{ours}.latents",), (f"{published}.latents",))
    yield from _reading(f"{ours}.read", f"{published}.cross_attend_blocks.0", others=True)
    yield from _thinking(f"{ours}.thinking", f"{published}.cross_attend_blocks.1")
    for i in range(depth):
        yield from _reading(f"{ours}.layers.{i}.reading", f"{published}.layers.{i}.0")
        yield from _thinking(f"{ours}.layers.{i}.thinking", f"{published}.layers.{i}.1")
    yield from _reading(f"{ours}.write", f"{published}.decoder_cross_attn", others=True)


def _reading(ours: str, published: str, others: bool = False) -> Iterator[Entry]:
    yield from _linear(f"{ours}.norm", f"{published}.norm")
    if others:
        yield from _linear(f"{ours}.source_norm", f"{published}.norm_context")
    for name, short in (("query", "q"), ("key", "k"), ("value", "v")):
        yield from _linear(f"{ours}.attention.{name}", f"{published}.function.{short}_proj", bias=False)
    yield from _linear(f"{ours}.attention.out", f"{published}.function.out_proj")


def _thinking(ours: str, published: str) -> Iterator[Entry]:
    yield from _linear(f"{ours}.norm", f"{published}.norm")
    yield from _linear(f"{ours}.feed_forward.expand", f"{published}.function.layers.0.0")
    yield from _linear(f"{ours}.feed_forward.contract", f"{published}.function.layers.0.2")


def _swin(config: GridConfig) -> Iterator[Entry]:
    scales, last = config.core.scales, len(config.core.scales) - 1
    yield from _linear("embed.condition.0", "backbone.time_mlp.0")
    yield from _linear("embed.condition.2", "backbone.time_mlp.2")
    for i, scale in enumerate(scales):
        down, up = f"backbone.encoder_layers.{i}", f"backbone.decoder_layers.{last - i}"
        for j, block in enumerate(scale.down):
            yield from _block(f"core.scales.{i}.down.{j}", f"{down}.blocks.{j}", config, block.attention.bias == "all")
        for j, block in enumerate(scale.up):
            yield from _block(f"core.scales.{i}.up.{j}", f"{up}.blocks.{j}", config, block.attention.bias == "all")
        if i < last:
            split = f"backbone.decoder_layers.{last - i - 1}.upsample"
            yield from _linear(f"core.scales.{i}.merge.reduction", f"{down}.downsample.reduction", bias=False)
            yield from _linear(f"core.scales.{i}.merge.norm", f"{down}.downsample.norm")
            yield from _linear(f"embed.unused.norms.{i}", f"{down}.downsample.identity_norm")
            yield from _linear(f"embed.unused.expansions.{i}", f"{down}.downsample.identity_expansion", bias=False)
            yield from _linear(f"core.scales.{i}.split.expansion", f"{split}.expand", bias=False)
            yield from _linear(f"core.scales.{i}.split.norm", f"{split}.norm")
            yield from _linear(f"core.scales.{i}.split.mix", f"{split}.reduce", bias=False)
    yield from _linear("core.join", "backbone.final_proj")


def _block(ours: str, published: str, config: GridConfig, bias: bool) -> Iterator[Entry]:
    for part, norm in (("attention_norm", "norm1"), ("feed_forward_norm", "norm2")):
        for name in ("weight", "bias"):
            pair = (f"{ours}.{part}.shift.{name}", f"{ours}.{part}.scale.{name}")
            yield Entry(pair, (f"{published}.{norm}.ln_modulation.1.{name}",))
    for own, theirs, biased in (("qkv", "qkv", bias), ("out", "proj", True)):
        adapted = config.adapter is not None
        linear = f"{ours}.attention.{own}"
        yield from _linear(f"{linear}.base" if adapted else linear, f"{published}.attention.{theirs}", biased)
        yield from _corrections(linear, f"{published}.attention.peft_{theirs}", config)
    yield from _linear(f"{ours}.feed_forward.expand", f"{published}.mlp.fc1")
    yield from _linear(f"{ours}.feed_forward.contract", f"{published}.mlp.fc2")


def _corrections(ours: str, published: str, config: GridConfig) -> Iterator[Entry]:
    adapter = config.adapter
    if adapter is None:
        return
    folder, names = (
        ("lora_modules", {"a": "lora_matrix_A", "b": "lora_matrix_B"})
        if adapter.kind == "lora"
        else ("veras", {"lambda_b": "lambda_b", "lambda_d": "lambda_d"})
    )
    for i in range(1 if adapter.shared else adapter.steps):
        for own, theirs in names.items():
            yield Entry((f"{ours}.corrections.{i}.{own}",), (f"{published}.{folder}.{i}.{theirs}",))


def _mvit(config: GridConfig) -> Iterator[Entry]:
    yield from _linear("core.first", "backbone.patch_embed.proj")
    yield Entry(("core.places",), ("backbone.pos_embed",), shape=(*config.tokens, config.width))
    for i in range(len(config.core.scales[0].down)):
        ours, published = f"core.scales.0.down.{i}", f"backbone.blocks.{i}"
        yield from _linear(f"{ours}.attention_norm", f"{published}.norm1")
        yield from _linear(f"{ours}.attention.qkv", f"{published}.attn.qkv_proj")
        yield from _linear(f"{ours}.attention.out", f"{published}.attn.output_proj")
        yield from _linear(f"{ours}.feed_forward_norm", f"{published}.norm2")
        yield from _linear(f"{ours}.feed_forward.expand", f"{published}.mlp.linear1")
        yield from _linear(f"{ours}.feed_forward.contract", f"{published}.mlp.linear2")
    yield from _linear("core.last_norm", "backbone.norm")
    yield from _linear("core.last", "backbone.proj")


def state_from_published(state: Mapping[str, Tensor], config: GridConfig) -> dict[str, Tensor]:
    """Our state dict from a published one, without statistics and fixed matrices."""
    found: dict[str, Tensor] = {}
    for entry in layout(config):
        found |= entry.read(state)
    return found


def state_to_published(state: Mapping[str, Tensor], config: GridConfig) -> dict[str, Tensor]:
    """The published state dict of ours."""
    found: dict[str, Tensor] = {}
    for entry in layout(config):
        found |= entry.write(state)
    return found
