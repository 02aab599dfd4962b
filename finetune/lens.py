"""Where in a trunk an adapter acts: its layers skipped, inner states through the frozen decoder, its directions.

After a study of what adapters do inside of a network: they act gradually, small groups of them can be skipped, and they
work within the directions that the trunk has.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model

from .adapted import base_of, disabled, plain_name, wrapped
from .layers import block_of, depths


@torch.no_grad()
def losses_without(model: Model, batch: Any, group: int = 1) -> Mapping[str, float]:
    """The loss where the adapters of each `group` blocks that follow each other do not act.

    Args:
        model: with adapters.
        batch: with its target.
        group: blocks that are skipped together.

    Returns:
        By the names of the blocks; "none" is skipped first (the adapted model), "all" last.

    Raises:
        ConfigError: no block has adapters, or fewer have than are to be skipped.
    """
    there = {block_of(plain_name(name)) for name, _ in wrapped(model)} - {""}
    blocks = sorted(there, key=depths(model).__getitem__, reverse=True)
    if not 1 <= group <= len(blocks):
        raise ConfigError(f"as many blocks are skipped as have adapters at most, got {group} of {len(blocks)}")
    found = {"none": float(model.loss(batch))}
    for first in range(len(blocks) - group + 1):
        some = blocks[first : first + group]
        with disabled(model, "|".join(rf"^{name}(\.|$)" for name in some)):
            found[" + ".join(some)] = float(model.loss(batch))
    with disabled(model):
        found["all"] = float(model.loss(batch))
    return found


@torch.no_grad()
def lens(model: Model, batch: Any) -> dict[str, Any]:
    """What a model predicts if the state of a block takes the place of the last one's, by name of the block.

    Final norm and head stay as they are. Blocks are those of the finest scale, in order; the last one's is the model's
    own prediction.

    Args:
        model: adapted or not.
        batch: as ever.

    Raises:
        ConfigError: the core does not end with a block of its finest scale.
    """
    scale = base_of(model.core).scales[0]
    names = [f"core.scales.0.{way}.{n}" for way in ("down", "up") for n in range(len(getattr(scale, way)))]
    if not names or (hasattr(scale, "split") and not len(scale.up)):
        raise ConfigError("a lens looks at cores that end with a block of their finest scale, got one that does not")
    states: dict[str, Any] = {}

    def keep(name: str) -> Any:
        def kept(block: Any, inputs: Any, out: Any) -> None:
            states[name] = out

        return kept

    with ExitStack() as hooks:  # which are gone after an error too
        for name in names:
            hooks.callback(model.get_submodule(name).register_forward_hook(keep(name)).remove)
        found = {names[-1]: model(batch)}
    last = model.get_submodule(names[-1])
    for name in names[:-1]:
        with ExitStack() as hooks:
            state = states[name]
            hooks.callback(last.register_forward_hook(lambda block, inputs, out, x=state.x: out.with_x(x)).remove)
            found[name] = model(batch)
    return {name: found[name] for name in names}


def alignment(weight: Float[Tensor, "o i"], update: Float[Tensor, "o i"], rank: int) -> Float[Tensor, " r"]:
    """Cosines of the principal angles between the largest output directions of a weight and of its update.

    Args:
        weight: pretrained.
        update: what was added to it.
        rank: directions of each.

    Raises:
        ConfigError: more directions than the matrix has.
    """
    if not 1 <= rank <= min(weight.shape):
        raise ConfigError(f"directions are counted from 1 to the smaller side, got {rank} of {tuple(weight.shape)}")
    ours, theirs = (torch.linalg.svd(x, full_matrices=False).U[:, :rank] for x in (weight, update))
    return torch.linalg.svdvals(ours.mT @ theirs)
