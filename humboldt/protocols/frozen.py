"""The frozen track: nothing of the model is trained; what its mean tokens know is read off in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.finetune import mean_tokens
from humboldt.foundations import Model

from ..results import Result, provenance
from ..view import arranged
from .states import ProtocolError

PENALTIES = tuple(10.0**power for power in range(-3, 5))


@torch.no_grad()
def pooled(model: Model, batch: Any) -> Float[Tensor, "b d"]:
    """The mean token that the core makes of each sample."""
    return mean_tokens(model.encode(batch), batch)


@dataclass(frozen=True)
class Read:
    """What was read off: root of the squared error over that of the mean of the training part; 1 is knowing nothing.

    Attributes:
        ridge: a linear map of the embedding, its penalty chosen on the training part by leaving one out.
        nearest: the target of the training sample whose embedding has the largest cosine (retrieval; no fit at all).
        penalty: the one chosen.
    """

    ridge: float
    nearest: float
    penalty: float


def embedded(model: Model, data: Any, batch_size: int = 16) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n t"], int]:
    """Embeddings and (summarised) targets of all samples of a part, and how many channels the targets have.

    Raises:
        ProtocolError: samples without targets.
    """
    part, features, targets = arranged(data, model), [], []
    model.eval()
    for first in range(0, len(part), batch_size):
        batch = part.batch(range(first, min(first + batch_size, len(part))))
        if batch.target is None:
            raise ProtocolError("the frozen track predicts targets, got samples without; open the data with targets")
        features.append(pooled(model, batch))
        targets.append(summarised(batch.target.double()))
    target = torch.cat(targets)
    return torch.cat(features).double(), target, target.shape[1]


def summarised(target: Tensor) -> Float[Tensor, "b t"]:
    """Properties as they are; of fields the mean and the deviation of every channel, since a mean token of a model that
    treats all places alike does not know where things are."""
    if target.dim() == 2:
        return target
    flat = target.flatten(2)
    mean = flat.nanmean(2)
    return torch.cat([mean, (flat - mean[..., None]).square().nanmean(2).sqrt()], 1)


def read_off(train: tuple[Tensor, Tensor, int], test: tuple[Tensor, Tensor, int]) -> Read:
    """Fit on the training part, score on the test part; every channel counts alike, and nothing that is NaN.

    Args:
        train, test: what `embedded` gives.
    """
    (x, y, channels), (x_test, y_test, _) = train, test
    known = ~(y.isnan().any(0) | y_test.isnan().any(0))
    if len(x) < 3 or not known.any():
        raise ProtocolError(f"a fit takes three samples with known targets or more, got {len(x)}; take more data")
    unit = _deviations(y, channels)[known]
    y, y_test = ((v[:, known] - y[:, known].mean(0)) / unit for v in (y, y_test))
    spread = x.std(0).clamp_min(1e-12 + 1e-6 * float(x.std()))
    x, x_test = ((v - x.mean(0)) / spread for v in (x, x_test))
    kernel, cross = x @ x.mT / x.shape[1], x_test @ x.mT / x.shape[1]
    penalty = min(PENALTIES, key=lambda p: _left_out(kernel, y, p))
    ridge = cross @ torch.linalg.solve(_regular(kernel, penalty), y)
    nearest = y[(cross / x.norm(dim=1)).argmax(1)]
    none = y_test.square().sum().sqrt()
    left = [float((found - y_test).square().sum().sqrt() / none) for found in (ridge, nearest)]
    return Read(ridge=left[0], nearest=left[1], penalty=penalty)


def frozen(
    models: dict[str, Model], data: Any, *, name: str = "model", data_name: str = "data", seed: int = 0
) -> Iterator[Result]:
    """Both readings for every model: `none` is the model, `random` its control.

    Args:
        models: of the same data.
        data: a dataset with a training and a test part.
        name, data_name, seed: for the records.
    """
    for which, model in models.items():
        found = read_off(embedded(model, data.split("train")), embedded(model, data.split("test")))
        for kind, value in (("ridge", found.ridge), ("nearest", found.nearest)):
            yield Result(
                protocol="frozen",
                model=name,
                method=kind,
                control=which == "random",
                data=data_name,
                metric="root of the squared error over that of the mean",
                unit="1",
                value=value,
                settings={"penalty": found.penalty},
                **provenance(model, data, seed=seed),
            )


def _deviations(y: Float[Tensor, "n t"], channels: int) -> Float[Tensor, " t"]:
    """The deviation of its channel for every target, 1 where a channel does not vary."""
    centred = (y - y.nanmean(0)).view(len(y), channels, -1)
    found = centred.square().nanmean((0, 2)).sqrt()
    return torch.where(found > 0, found, 1.0)[:, None].expand(channels, y.shape[1] // channels).flatten()


def _regular(kernel: Float[Tensor, "n n"], penalty: float) -> Float[Tensor, "n n"]:
    return kernel + penalty * torch.eye(len(kernel), dtype=kernel.dtype)


def _left_out(kernel: Float[Tensor, "n n"], y: Float[Tensor, "n t"], penalty: float) -> float:
    """Squared error of every sample from the others, in closed form: [G^-1 y]_i / [G^-1]_ii."""
    inverse = torch.linalg.inv(_regular(kernel, penalty))
    return float(((inverse @ y) / inverse.diagonal()[:, None]).square().sum())
