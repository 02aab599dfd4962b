"""What a weather model is trained on: masked reconstruction and forecasting mixed, and rollouts over many steps."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from humboldt.data_catalog import did_you_mean
from humboldt.foundations import ConfigError, Model

from .batch import WeatherBatch, WeatherPrediction
from .channels import Channel
from .config import WeatherConfig
from .dataset import WeatherDataset
from .masking import MaskKind, known_tokens, observed_mask, random_mask
from .samples import Sample

KINDS = ("units", "slots", "holes", "points")


@dataclass(frozen=True, kw_only=True)
class MaskedForecasts:
    """One item per last state; its input step and lead time are drawn, and tokens are hidden at random.

    With a lead time of 0 among those of the data, what is hidden is reconstructed; with others it is forecast as well.
    The draw depends on the indices of the whole batch, so it differs from pass to pass and is the same when a run is
    repeated. A batch shares the kind and the ratio of its mask.
    Where a model corrects the last state, what is hidden is missing (NaN) there as well.

    Attributes:
        data: samples with all input steps and lead times that may be drawn.
        config: of the model that is trained; `humboldt.finetune` puts it in.
        kinds: of masks, drawn with equal chance: `units` (published as global), `slots` (local), `holes`: rectangles in
            which values are missing, as in observations, while the tokens stay, or `points`: all but single points are
            missing, as between stations, and units without any are hidden.
        ratios: of hidden tokens or points, drawn with equal chance; 0 hides nothing.
        shuffled: leave the seen tokens in the order of the draw, as the released models were trained.
    """

    data: WeatherDataset
    config: WeatherConfig | None = None
    kinds: tuple[MaskKind | Literal["holes", "points"], ...] = ("units", "slots")
    ratios: tuple[float, ...] = (0.5,)
    shuffled: bool = False

    def __post_init__(self) -> None:
        if not self.kinds or not self.ratios or not all(0 <= r < 1 for r in self.ratios):
            raise ConfigError(
                f"masks have at least one kind and ratios in [0, 1), got kinds={self.kinds}, ratios={self.ratios}"
            )
        if odd := [kind for kind in self.kinds if kind not in KINDS]:
            raise ConfigError(f"a kind of mask is one of {list(KINDS)}, got {odd[0]!r}{did_you_mean(odd[0], KINDS)}")
        groups: dict[tuple[int, int], list[Sample]] = {}
        for sample in self.data.samples:
            groups.setdefault((sample.member, sample.inputs[-1]), []).append(sample)
        object.__setattr__(self, "_groups", tuple(map(tuple, groups.values())))

    @property
    def groups(self) -> tuple[tuple[Sample, ...], ...]:
        """The samples of every last state."""
        return vars(self)["_groups"]

    def __len__(self) -> int:
        return len(self.groups)

    def batch(self, indices: Sequence[int]) -> WeatherBatch:
        """The items with these indices."""
        chance = torch.Generator().manual_seed(zlib.crc32(np.asarray(indices, dtype=np.int64).tobytes()))

        def draw(choices: Sequence[Any]) -> Any:
            return choices[int(torch.randint(len(choices), (), generator=chance))]

        if self.config is None:
            raise ConfigError("masks are those of a model, got none; add config=model.config")
        batch = self.data.collate([draw(self.groups[i]) for i in indices])
        kind, ratio = draw(self.kinds), draw(self.ratios)
        if ratio == 0 and not self.shuffled:
            return batch
        if kind == "holes":
            return dataclasses.replace(batch, fields=torn(batch.fields, ratio, chance))
        rows, columns = batch.fields.shape[-2:]
        units = self.config.units((rows, columns))
        if kind == "points":
            stations = scattered((rows, columns), ratio, chance)
            fields = batch.fields.masked_fill(~stations, torch.nan)
            known = known_tokens(stations.expand(len(batch), -1, -1), units, self.config.patch)
            return dataclasses.replace(batch, fields=fields, mask=observed_mask(known, units))
        masked = batch.masked(random_mask(kind, ratio, len(batch), units, chance, shuffled=self.shuffled))
        return blanked(masked, self.config) if self.config.residual == "temporal" else masked

    def split(self, name: str) -> MaskedForecasts:
        """The part called `train`, `validation` or `test`."""
        return dataclasses.replace(self, data=self.data.split(name))

    def take(self, count: int) -> MaskedForecasts:
        """The first `count` samples of this part."""
        return dataclasses.replace(self, data=self.data.take(count))

    def arranged(
        self, inputs: Sequence[Channel], outputs: Sequence[Channel], static: Sequence[Channel] | None = None
    ) -> MaskedForecasts:
        """The same items with the channels of a model."""
        return dataclasses.replace(self, data=self.data.arranged(inputs, outputs, static))

    def describe(self) -> dict[str, Any]:
        """JSON-ready: the data, and how tokens are hidden."""
        masks = {"kinds": list(self.kinds), "ratios": list(self.ratios), "shuffled": self.shuffled}
        return {**self.data.describe(), "masks": masks}


def blanked(batch: WeatherBatch, config: WeatherConfig) -> WeatherBatch:
    """NaN in the states where the mask hides them, so that they do not reach a prediction by its base either."""
    if batch.mask is None:
        return batch
    rows, columns = batch.fields.shape[-2:]
    hidden = batch.mask.field(config.units((rows, columns)))
    points = hidden.repeat_interleave(config.patch, 1).repeat_interleave(config.patch, 2)[:, :rows, :columns]
    return dataclasses.replace(batch, fields=batch.fields.masked_fill(points[:, None, None], torch.nan))


def torn(
    fields: Float[Tensor, "b t c h w"], ratio: float, generator: torch.Generator, most: int = 4
) -> Float[Tensor, "b t c h w"]:
    """NaN in one to `most` rectangles of every sample, of this share of the area where they do not overlap."""
    rows, columns = fields.shape[-2:]
    made = fields.clone()
    for sample in made:
        count = 1 + int(torch.randint(most, (), generator=generator))
        for _ in range(count):
            stretch, top, left = torch.rand(3, generator=generator).tolist()
            height = min(rows, max(1, round(rows * (ratio / count) ** (0.25 + 0.5 * stretch))))
            width = min(columns, max(1, round(columns * rows * ratio / count / height)))
            i, j = round(top * (rows - height)), round(left * (columns - width))
            sample[..., i : i + height, j : j + width] = torch.nan
    return made


def scattered(shape: tuple[int, int], ratio: float, generator: torch.Generator) -> Bool[Tensor, "h w"]:
    """Places of stations, True, drawn at random: all but this share of the points, at least one."""
    order = torch.rand(shape[0] * shape[1], generator=generator).argsort()
    return (order < max(1, round((1 - ratio) * len(order)))).view(shape)


def rollout_loss(model: Model, series: Sequence[WeatherBatch], gradient_steps: int = 1) -> Tensor:
    """Mean loss of the last `gradient_steps` steps of a rollout, each made from the ones before.

    Earlier steps are made without gradient (pushforward, arXiv 2202.03376), so memory does not depend on their number.
    With more than one gradient step, each is computed again in the backward pass, and only its state is kept. Adapters
    are told the step (see the method `rollout_lora`).

    Args:
        series: one batch per step with its target, static fields and climatology; the states of all but the first are
            replaced by predictions (see `WeatherDataset.series`).
    """
    if not 1 <= gradient_steps <= len(series):
        raise ValueError(
            f"a rollout of {len(series)} steps has 1 to {len(series)} gradient steps, got {gradient_steps}"
        )

    def made(batch: WeatherBatch, step: int) -> WeatherPrediction:
        with model.context.at(rollout_step=step):
            found: WeatherPrediction = model(batch)
        return found

    losses, state, apart = [], series[0].fields, series[0].input_time
    for number, told in enumerate(series):
        batch = dataclasses.replace(told, fields=state, input_time=apart)
        learns = number >= len(series) - gradient_steps
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            if learns and gradient_steps > 1:
                prediction = checkpoint(made, batch, number, use_reentrant=False)
            else:
                prediction = made(batch, number)
            if learns:
                losses.append(model.head.loss(prediction, batch))
        following = batch.step(prediction.fields)
        state, apart = following.fields, following.input_time
    return torch.stack(losses).mean()
