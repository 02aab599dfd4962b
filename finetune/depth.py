"""Models of another depth: blocks that are dropped (arXiv 2004.03844), blocks on a line between two (learngene)."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, CoreConfig, Model, Tokens

STRATEGIES = ("top", "bottom", "even", "odd", "symmetric", "weights", "contribution")
STACKS = ("down", "up")


def shallower(model: Model, count: int, strategy: str = "contribution", batch: Any = None) -> Model:
    """A copy without `count` blocks of every stack of the core that has more; then it is tuned as any other.

    Blocks are dropped inside of a stack alone, never what leads from scale to scale.

    Args:
        model: left as it is.
        count: blocks to drop of every stack; one with no more than that keeps all.
        strategy: see `dropped`.
        batch: for `contribution`, which is measured on data.

    Raises:
        ConfigError: another strategy, no stack has so many blocks, or a batch is missing.
    """
    scores = contributions(model, batch) if strategy == "contribution" and batch is not None else {}
    chosen: dict[str, list[int]] = {}
    for name, stack in stacks(model).items():
        if len(stack) > count:
            gone = dropped(stack, count, strategy, scores.get(name))
            chosen[name] = [index for index in range(len(stack)) if index not in gone]
    if count < 1 or not chosen:
        depths = {name: len(stack) for name, stack in stacks(model).items()}
        raise ConfigError(
            f"a stack keeps a block at least, got {count} to drop of {depths}; drop fewer, and at least 1"
        )
    return restacked(model, {name: [stacks(model)[name][i] for i in kept] for name, kept in chosen.items()}, chosen)


def deepened(model: Model, depth: int) -> Model:
    """A copy whose stacks have `depth` blocks each, on the line between their first and their last block.

    The pattern of windows goes on as it was. A stack of a single block becomes so many of the same. Blocks that lie on
    a line (method `learngene`) are met again where the old depth is asked for.

    Raises:
        ConfigError: no block at all.
    """
    if depth < 1:
        raise ConfigError(f"a stack has a block at least, got depth {depth}")
    made: dict[str, list[nn.Module]] = {}
    pattern: dict[str, list[int]] = {}
    for name, stack in stacks(model).items():
        pattern[name] = [index % len(stack) for index in range(depth)]
        made[name] = [copy.deepcopy(stack[index]) for index in pattern[name]]
        first, last = (dict(block.named_parameters()) for block in (stack[0], stack[-1]))
        if len(stack) > 1:
            line: list[dict[str, Tensor]] = expanded(first, last, depth) if depth > 1 else [{**last}]
            for block, weights in zip(made[name], line, strict=True):
                _put(block, weights)
    return restacked(model, made, pattern)


@torch.no_grad()
def _put(block: nn.Module, weights: Mapping[str, Tensor]) -> None:
    for name, parameter in block.named_parameters():
        parameter.copy_(weights[name])


def stacks(model: Model) -> dict[str, nn.ModuleList]:
    """The stacks of blocks of a core that have any, by name (`0.down`)."""
    found = {f"{n}.{way}": getattr(scale, way) for n, scale in enumerate(model.core.scales) for way in STACKS}
    return {name: stack for name, stack in found.items() if len(stack)}


def restacked(model: Model, blocks: Mapping[str, Iterable[nn.Module]], pattern: Mapping[str, list[int]]) -> Model:
    """A copy with other blocks in some stacks, whose configurations are those of the old blocks in `pattern`."""
    made = copy.deepcopy(model)
    for name, new in blocks.items():
        number, way = name.split(".")
        setattr(made.core.scales[int(number)], way, nn.ModuleList(copy.deepcopy(block) for block in new))
    core = _restacked(made.core.config, pattern)
    made.core.config, made.config = core, dataclasses.replace(made.config, core=core)
    for part in (made.embed, made.head):
        if isinstance(getattr(part, "config", None), type(made.config)):
            part.config = made.config
    return made


def _restacked(config: CoreConfig, pattern: Mapping[str, list[int]]) -> CoreConfig:
    scales = []
    for number, scale in enumerate(config.scales):
        changed: dict[str, Any] = {
            way: tuple(getattr(scale, way)[i] for i in pattern[f"{number}.{way}"])
            for way in STACKS if f"{number}.{way}" in pattern
        }  # fmt: skip
        scales.append(dataclasses.replace(scale, **changed))
    return dataclasses.replace(config, scales=tuple(scales))


def dropped(
    stack: nn.ModuleList, count: int, strategy: str, scores: Float[Tensor, " blocks"] | None = None
) -> list[int]:
    """Which blocks of one stack to drop (arXiv 2004.03844).

    `top` the last, `bottom` the first, `even` and `odd` every second from the end, `symmetric` around the middle,
    `weights` those whose weights are smallest (root mean square), and `contribution` those with the highest `scores`,
    the mean cosine between what goes in and what comes out.

    Raises:
        ConfigError: another strategy, more than there are, or scores that are needed and not given.
    """
    blocks = len(stack)
    if strategy not in STRATEGIES:
        raise ConfigError(f"blocks are dropped by {', '.join(STRATEGIES)}, got {strategy!r}; choose one")
    if not 0 <= count < blocks:
        raise ConfigError(f"a stack keeps a block at least, got {count} to drop of {blocks}; drop fewer")
    if strategy == "contribution" and scores is None:
        raise ConfigError("contribution is measured on data, got no scores; give a batch")
    if strategy == "weights":
        scores = -torch.stack([_size(block) for block in stack])
    if scores is not None and strategy in ("weights", "contribution"):
        return sorted(scores.topk(count).indices.tolist())
    middle = (blocks - count) // 2
    order = {
        "top": list(range(blocks - 1, -1, -1)),
        "bottom": list(range(blocks)),
        "even": [*range(blocks - 2, -1, -2), *range(blocks - 1, -1, -2)],
        "odd": [*range(blocks - 1, -1, -2), *range(blocks - 2, -1, -2)],
        "symmetric": list(range(middle, middle + count)),
    }[strategy]
    return sorted(order[:count])


def _size(block: nn.Module) -> Tensor:
    weights = [p.detach().flatten() for p in block.parameters() if p.dim() > 1]
    return torch.cat(weights).square().mean().sqrt() if weights else torch.zeros(())


@torch.no_grad()
def contributions(model: Model, batch: Any) -> dict[str, Float[Tensor, " blocks"]]:
    """Mean cosine between every token that enters a block and what it leaves as: 1 for a block that does nothing."""
    found: dict[int, Tensor] = {}

    def record(block: nn.Module, inputs: tuple[Tokens, ...], out: Tokens) -> None:
        found[id(block)] = F.cosine_similarity(inputs[0].x, out.x, dim=-1).mean()

    blocks = [block for stack in stacks(model).values() for block in stack]
    handles = [block.register_forward_hook(record) for block in blocks if isinstance(block, Block)]
    was = model.training
    try:
        model.eval().encode(batch)
    finally:
        model.train(was)
        for handle in handles:
            handle.remove()
    return {name: torch.stack([found[id(block)] for block in stack]) for name, stack in stacks(model).items()}


def expanded(first: Mapping[str, Tensor], last: Mapping[str, Tensor], depth: int) -> list[dict[str, Tensor]]:
    """Weights of `depth` blocks on the line between two (learngene): w_l = w_1 + l / (L - 1) (w_L - w_1).

    Raises:
        ConfigError: fewer than two blocks, or two blocks with other tensors.
    """
    if depth < 2 or first.keys() != last.keys():
        raise ConfigError(
            f"a line has two ends with the same tensors, got depth {depth} and {len(first)}, {len(last)} tensors"
        )
    return [{k: torch.lerp(first[k], last[k], index / (depth - 1)) for k in first} for index in range(depth)]
