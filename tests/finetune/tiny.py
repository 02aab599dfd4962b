"""A small model and a small dataset, and a run that ends itself where it is told to (for the tests of resuming)."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from humboldt.domains.pde import Channel, FieldBatch, PDEConfig, build
from humboldt.finetune import Recipe, fit, method
from humboldt.foundations import AttentionConfig, BlockConfig, CoreConfig, Model, ScaleConfig


def tiny_model(drop_path: float = 0.0, skip_kind: str = "convnext") -> Model:
    def block(shifted: bool) -> BlockConfig:
        attention = AttentionConfig(heads=2, window=(4, 4), shifted=shifted, similarity="cosine", position="log")
        return BlockConfig(attention=attention, hidden=16, drop_path=drop_path)

    core = CoreConfig(
        axes=2,
        condition=1,
        scales=(
            ScaleConfig(width=8, down=(block(False),), up=(block(True),), skip=1, merge=(2, 2)),
            ScaleConfig(width=16, down=(block(False),)),
        ),
        skip_kind=skip_kind,
    )
    channels = (Channel(name="velocity_x", group="velocity"), Channel(name="velocity_y", group="velocity"))
    torch.manual_seed(0)
    return build(PDEConfig(inputs=channels, outputs=channels, core=core, patch=4, increment=True))


class Waves:
    """Random fields that move by one point and halve in one unit of time."""

    def __init__(self, count: int = 12, seed: int = 0, end_at: int | None = None) -> None:
        self.count, self.seed, self.end_at = count, seed, end_at
        self.fields = torch.randn(count, 2, 16, 16, generator=torch.Generator().manual_seed(seed))
        self.read = 0
        self.seen: list[int] = []

    def __len__(self) -> int:
        return self.count

    def batch(self, indices: Sequence[int]) -> FieldBatch:
        self.read += 1
        self.seen += list(indices)
        if self.read == self.end_at:
            os.kill(os.getpid(), signal.SIGKILL)
        fields = self.fields[list(indices)]
        target = 0.5 * fields.roll(1, -1)
        return FieldBatch(fields=fields, lead_time=torch.ones(len(fields)), target=target, periodic=(True, True))

    def split(self, name: str) -> "Waves":
        return Waves(self.count, self.seed + 1)

    def take(self, count: int) -> "Waves":
        return Waves(count, self.seed)

    def describe(self) -> dict:
        return {"count": self.count, "fingerprint": str(self.seed)}

    def all(self) -> FieldBatch:
        return self.batch(range(self.count))


class Told(Waves):
    """Waves during whose reading a signal comes."""

    def __init__(self, at: int, number: signal.Signals) -> None:
        super().__init__()
        self.at, self.number = at, number

    def batch(self, indices: Sequence[int]) -> FieldBatch:
        found = super().batch(indices)
        if self.read == self.at:
            os.kill(os.getpid(), self.number)
        return found


RESUMED = Recipe(
    steps=24,
    batch_size=5,
    accumulate=2,
    average=0.8,
    core_rate=1e-3,
    validate_every=5,
    save_every=3,
    log_every=4,
    precision="32-true",
)


def main(folder: str, name: str, where: str, count: int) -> None:
    """One run with a method (or all weights with Muon) into `folder`.

    It is killed at the count-th `train` read, `validation` read or checkpoint `replace`.
    """
    torch.set_num_threads(1)
    train = Waves(end_at=count if where == "train" else None)
    validation = Waves(6, 1, end_at=count if where == "validation" else None)
    if where == "replace":
        _end_at_replace(count)
    recipe, how = (replace(RESUMED, optimiser="muon"), "full") if name == "muon" else (RESUMED, name)
    fit(tiny_model(drop_path=0.2), train, validation, recipe, method(how), folder)


def _end_at_replace(count: int) -> None:
    put, left = os.replace, [count]

    def put_or_end(source: Any, target: Any) -> None:
        left[0] -= str(target).endswith("last.ckpt")
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        put(source, target)

    os.replace = put_or_end  # type: ignore[assignment]


if __name__ == "__main__":
    for chosen in sys.argv[2:]:
        main(f"{sys.argv[1]}/{chosen}", chosen, "nowhere", 0)
