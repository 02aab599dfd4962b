"""A trained operator for other variables: exactly the tensors that belong to single channels change."""

from __future__ import annotations

import copy
import dataclasses
import difflib
import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from humboldt.foundations import ConfigError, Model, Normaliser

from .config import Channel, PDEConfig
from .embed import FieldEmbed
from .heads import ForecastHead

logger = logging.getLogger(__name__)

FREE = "scalar_"  # how the channels are called that were trained on whatever a family has beside its velocity
LAYOUT = {
    "embed.patches.projection.weight": ((1, "inputs"),),
    "head.patches.projection.weight": ((1, "outputs"),),
    "head.patches.projection.bias": ((0, "outputs"),),
    "head.mix.weight": ((0, "outputs"), (1, "outputs")),
    "head.fine.fields.weight": ((1, "inputs"),),
    "head.fine.out.weight": ((0, "outputs"),),
    "head.fine.out.bias": ((0, "outputs"),),
}
"""Tensors that belong to single channels, and along which axes."""


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
    inward, outward = ((found, list(range(len(found)))) for found in chosen)
    return _taken_over(model, _for_channels(model, inputs, outputs, seed=0), inward, outward)


def free_scalars(model: Model) -> list[str]:
    """The channels that were trained on whatever the families had beside a velocity: `scalar_1`, `scalar_2`, ..."""
    both = {c.name for c in model.config.inputs} & {c.name for c in model.config.outputs}
    return [c.name for c in model.config.inputs if c.name in both and c.name.startswith(FREE)]


def heirs(model: Model, names: Sequence[str]) -> dict[str, str]:
    """{channel of the data: channel of the model whose weights it takes}: its own where the model knows the name, else
    one of the free scalars that the data do not name themselves, in order, as long as there are any."""
    known, free = {c.name for c in model.config.inputs}, iter([f for f in free_scalars(model) if f not in names])
    found = {name: name if name in known else next(free, None) for name in dict.fromkeys(names)}
    return {name: heir for name, heir in found.items() if heir is not None}


def inherit_channels(model: Model, inputs: Sequence[Channel], outputs: Sequence[Channel], *, seed: int = 0) -> Model:
    """The same model for another state, in which every channel has the weights of its heir (`heirs`).

    A model that met the variables of many families under the names of free scalars loses nothing that way. Channels
    without an heir begin with weights drawn from `seed`. Statistics are kept for equal names only.

    Returns:
        A new model; the old one is untouched. Who takes whose weights is logged.
    """
    taken = heirs(model, [c.name for c in (*inputs, *outputs)])
    inward, outward = _places(model.config.inputs, inputs, taken), _places(model.config.outputs, outputs, taken)
    new = _taken_over(model, _for_channels(model, inputs, outputs, seed), inward, outward)
    fresh = [c.name for c in inputs if c.name not in taken]
    logger.warning("channels take the weights of others: %s; begin afresh: %s", taken, fresh or "none")
    return new


def require_plain(model: Model) -> None:
    """Refuse a model with adapters, of whose tensors a configuration says nothing.

    Raises:
        ConfigError: names the adapters.
    """
    if model.adapted:
        raise ConfigError(
            f"a model is changed without its adapters, got one with {sorted(model.adapted)}; write them into the "
            "weights first (humboldt.finetune.merged(model)), or keep them beside the change "
            "(humboldt.finetune.with_adapters_of(model, change))"
        )


Places = tuple[list[int], list[int]]  # indices among the channels of the old model, and of the new one


def _taken_over(old: Model, new: Model, inward: Places, outward: Places) -> Model:
    """The new model with the old one's weights, those of single channels at their new places."""
    before = old.state_dict()
    for key, value in new.state_dict().items():
        if ".normaliser." not in key:
            there, here = ([list(range(size)) for size in value.shape] for _ in range(2))
            for axis, places in ((axis, inward if side == "inputs" else outward) for axis, side in LAYOUT.get(key, ())):
                there[axis], here[axis] = places
            value[np.ix_(*here)] = before[key][np.ix_(*there)]
    _keep_statistics(old, new)
    return new


def _places(known: Sequence[Channel], wanted: Sequence[Channel], taken: Mapping[str, str]) -> Places:
    """Where the heirs are, and those that take their weights."""
    names = [channel.name for channel in known]
    new = [i for i, channel in enumerate(wanted) if channel.name in taken]
    return [names.index(taken[wanted[i].name]) for i in new], new


def _for_channels(model: Model, inputs: Sequence[Channel], outputs: Sequence[Channel], seed: int) -> Model:
    """A model with the same core and freshly initialised ends; the global random state is left alone.

    It predicts an increment only if the outputs are the first inputs, so that there is something to add to.
    """
    require_plain(model)
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


def _indices(known: Sequence[Channel], wanted: Sequence[Channel]) -> list[int]:
    names = [channel.name for channel in known]
    for channel in wanted:
        if channel.name not in names:
            near = difflib.get_close_matches(channel.name, names, 1)
            cure = f"did you mean {near[0]!r}?" if near else "replace_channels makes a model for other variables"
            raise ConfigError(f"this model has the channels {names}, not {channel.name!r}; {cure}")
    return [names.index(channel.name) for channel in wanted]
