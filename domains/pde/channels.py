"""A trained operator for other variables: exactly the tensors that belong to single channels change."""

from __future__ import annotations

import copy
import dataclasses
import difflib
import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from humboldt.foundations import ConfigError, Model, Normaliser

from .config import Channel, PDEConfig
from .embed import FieldEmbed
from .heads import ForecastHead

logger = logging.getLogger(__name__)


def replace_channels(model: Model, inputs: Sequence[Channel], outputs: Sequence[Channel], *, seed: int = 0) -> Model:
    """The same model for another state; what was learned about single channels starts afresh, the rest stays bitwise.

    With another number of inputs `embed.patches.projection.weight` is re-initialised, with another number of outputs
    `head.patches.projection.weight`, `.bias` and `head.mix.weight`: PyTorch's default for convolutions, drawn from
    `seed` (Poseidon, arXiv 2405.19101; with equal numbers it keeps all weights, and so do we). The statistics of
    channels that keep their names are kept, others are mean 0 and deviation 1 until they are set from data.

    Returns:
        A new model; the old one is untouched. The names of the fresh tensors are logged.
    """
    new = _for_channels(model, inputs, outputs, seed)
    old, fresh = model.state_dict(), []
    for key, value in new.state_dict().items():
        if ".normaliser." in key:
            continue
        if old[key].shape == value.shape:
            value.copy_(old[key])
        else:
            fresh.append(key)
    _keep_statistics(model, new)
    names = [[c.name for c in channels] for channels in (new.config.inputs, new.config.outputs)]
    logger.warning("channels are now %s -> %s; re-initialised: %s", *names, ", ".join(fresh) or "nothing")
    return new


def select_channels(model: Model, inputs: Sequence[Channel], outputs: Sequence[Channel]) -> Model:
    """The same model for some of its channels, in any order; their weights and statistics are kept bitwise.

    Raises:
        ConfigError: a name that the model does not have.
    """
    chosen = _indices(model.config.inputs, inputs), _indices(model.config.outputs, outputs)
    slices = {
        "embed.patches.projection.weight": ((1, chosen[0]),),
        "head.patches.projection.weight": ((1, chosen[1]),),
        "head.patches.projection.bias": ((0, chosen[1]),),
        "head.mix.weight": ((0, chosen[1]), (1, chosen[1])),
    }
    new = _for_channels(model, inputs, outputs, seed=0)
    old = model.state_dict()
    for key, value in new.state_dict().items():
        if ".normaliser." not in key:
            kept = old[key]
            for axis, index in slices.get(key, ()):
                kept = kept.index_select(axis, index.to(kept.device))
            value.copy_(kept)
    _keep_statistics(model, new)
    return new


def _for_channels(model: Model, inputs: Sequence[Channel], outputs: Sequence[Channel], seed: int) -> Model:
    """A model with the same core and freshly initialised ends; the global random state is left alone.

    It predicts an increment only if the outputs are the first inputs, so that there is something to add to.
    """
    advances = [c.name for c in outputs] == [c.name for c in inputs][: len(outputs)]
    config: PDEConfig = dataclasses.replace(
        model.config,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        increment=model.config.increment and advances,
    )
    like = next(model.core.parameters())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embed, head = FieldEmbed(config), ForecastHead(config)
    core = copy.deepcopy(model.core)
    new = Model(embed, core, head, domain=model.domain, config=config, provenance=copy.deepcopy(model.provenance))
    return new.to(like.device, like.dtype).train(model.training)


def _keep_statistics(old: Model, new: Model) -> None:
    """Mean and deviation of the channels that both models name."""
    for part in ("embed", "head"):
        before = old.config.inputs if part == "embed" else old.config.outputs
        after = new.config.inputs if part == "embed" else new.config.outputs
        source, target = old.get_submodule(part).normaliser, new.get_submodule(part).normaliser
        assert isinstance(source, Normaliser)
        assert isinstance(target, Normaliser)
        places = {channel.name: index for index, channel in enumerate(before)}
        for index, channel in enumerate(after):
            if channel.name in places:
                target.mean[index] = source.mean[places[channel.name]]
                target.std[index] = source.std[places[channel.name]]


def _indices(known: Sequence[Channel], wanted: Sequence[Channel]) -> Tensor:
    names = [channel.name for channel in known]
    for channel in wanted:
        if channel.name not in names:
            near = difflib.get_close_matches(channel.name, names, 1)
            cure = f"did you mean {near[0]!r}?" if near else "replace_channels makes a model for other variables"
            raise ConfigError(f"this model has the channels {names}, not {channel.name!r}; {cure}")
    return torch.tensor([names.index(channel.name) for channel in wanted])
