"""The order in which samples are seen: a seeded shuffle per pass, known for every batch number, resumable anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from humboldt.foundations import Dataset

from .interruption import deaf, held
from .mixture import Mixture
from .world import World, shared_out

WINDOW = 64  # batches that are filled together where samples have lengths


class Order:
    """Batch number -> (which dataset of a mixture, indices in it).

    A dataset is passed over again and again, shuffled anew every time, and a batch may hold the end of one pass and the
    start of the next: every batch is full, and no sample is seen k + 1 times before all were seen k times.

    Args:
        sizes: number of samples of each dataset.
        weights: share of batches that each gives.
        batch_size: samples per batch; a smaller dataset gives all that it has.
        batches: length of the run.
        seed: of the shuffles and of the choice among datasets.
        lengths: of the samples of each dataset, or None where they are alike. Then samples of similar length come
            together: of `WINDOW` batches' worth of the shuffle, sorted by length, and the batches shuffled again.
        shuffles: for each dataset a function from a seed to all its indices in an order by chance, such as a block
            shuffle that reads each chunk once; None shuffles all of them.
    """

    def __init__(
        self,
        sizes: list[int],
        weights: list[float],
        batch_size: int,
        batches: int,
        seed: int,
        lengths: list[np.ndarray | None] | None = None,
        shuffles: Sequence[Callable[[list[int]], np.ndarray] | None] | None = None,
    ) -> None:
        self.sizes, self.batch_size, self.batches, self.seed = sizes, batch_size, batches, seed
        self.lengths, self.shuffles = lengths or [None] * len(sizes), shuffles or [None] * len(sizes)
        share = np.asarray(weights, dtype=float) / sum(weights)
        self.source = np.random.default_rng([seed, 0]).choice(len(sizes), size=batches, p=share)
        before = np.zeros(batches, dtype=np.int64)
        for part in range(len(sizes)):
            own = self.source == part
            before[own] = np.arange(own.sum())
        self.before = before
        self._shuffle = lru_cache(maxsize=2 * len(sizes))(self._shuffled)
        self._window = lru_cache(maxsize=2 * len(sizes))(self._sorted)

    def __getitem__(self, number: int) -> tuple[int, list[int]]:
        """The dataset and the indices of a batch."""
        part = int(self.source[number])
        count = min(self.batch_size, self.sizes[part])
        turn = int(self.before[number])
        if self.lengths[part] is not None:
            return part, self._window(part, turn // WINDOW)[turn % WINDOW].tolist()
        return part, self._indices(part, turn * count, count)

    def _indices(self, part: int, start: int, count: int) -> list[int]:
        size = self.sizes[part]
        return [int(self._shuffle(part, p // size)[p % size]) for p in range(start, start + count)]

    def _sorted(self, part: int, window: int) -> np.ndarray:
        """Indices of `WINDOW` batches, each of similar lengths, in a random order."""
        lengths, count = self.lengths[part], min(self.batch_size, self.sizes[part])
        assert lengths is not None
        here = np.array(self._indices(part, window * WINDOW * count, WINDOW * count))
        batches = here[np.argsort(lengths[here], kind="stable")].reshape(WINDOW, count)
        return np.random.default_rng([self.seed, 2, part, window]).permutation(batches)

    def _shuffled(self, part: int, epoch: int) -> np.ndarray:
        seed, own = [self.seed, 1, part, epoch], self.shuffles[part]
        return own(seed) if own else np.random.default_rng(seed).permutation(self.sizes[part])


class Batches:
    """Training batches in order, from wherever the run stands; its position travels in the checkpoint.

    Args:
        data: a dataset or a mixture; `pass_order(seed)` of a dataset, if there, is the order in which it is read best.
        batch_size: samples per batch.
        batches: number of batches of the whole run.
        seed: of the order.
        workers: processes that read ahead; 0 reads in this process.
        world: the processes that train together; each gets its part of every batch.

    Raises:
        ConfigError: a batch that cannot be shared out evenly among the processes.
    """

    def __init__(
        self,
        data: Dataset | Mixture,
        batch_size: int,
        batches: int,
        seed: int,
        workers: int = 0,
        world: World | None = None,
    ) -> None:
        self.mixture = data if isinstance(data, Mixture) else Mixture([data])
        sizes = [len(part) for part in self.mixture.datasets]
        lengths = [getattr(part, "lengths", None) for part in self.mixture.datasets]
        shuffles = [getattr(part, "pass_order", None) for part in self.mixture.datasets]
        self.order = Order(sizes, self.mixture.shares, batch_size, batches, seed, lengths, shuffles)
        self.workers, self.position, self.world = workers, 0, world or World()
        for size in sizes:
            shared_out(list(range(min(batch_size, size))), self.world)

    def __len__(self) -> int:
        return self.order.batches

    def __getitem__(self, number: int) -> Any:
        """The batch with this number."""
        part, indices = self.order[number]
        return self.mixture.datasets[part].batch(shared_out(indices, self.world))

    def __iter__(self) -> Iterator[Any]:
        start = self.position
        for number, batch in enumerate(read(self, range(start, len(self)), self.workers), start):
            self.position = number
            yield batch
        self.position = len(self)

    def state_dict(self) -> dict[str, int]:
        """Number of batches that were finished."""
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.position = state["position"]


class Passes:
    """Samples of a dataset (or of a mixture, one dataset after another) once and in order, for validation.

    Args:
        data: a dataset or a mixture.
        batch_size: samples per batch, all of one dataset.
        at_most: take only so many samples, evenly spread; None for all.
        workers: as of `Batches`.
        world: the processes that train together; each takes every so-manieth batch, or all where these are too few.
        in_step: each takes as many as the others, as it must where they gather parameters; or all.
    """

    def __init__(
        self,
        data: Dataset | Mixture,
        batch_size: int,
        at_most: int | None = None,
        workers: int = 0,
        world: World | None = None,
        in_step: bool = False,
    ) -> None:
        self.datasets = data.datasets if isinstance(data, Mixture) else [data]
        share = 1.0 if at_most is None else min(1.0, at_most / len(data))
        self.parts: list[tuple[int, list[int]]] = []
        for number, dataset in enumerate(self.datasets):
            count = max(1, round(share * len(dataset)))
            indices = [i * len(dataset) // count for i in range(count)]
            self.parts += [(number, indices[start : start + batch_size]) for start in range(0, count, batch_size)]
        if world is not None and len(self.parts) >= world.size and not (in_step and len(self.parts) % world.size):
            self.parts = self.parts[world.rank :: world.size]
        self.workers = workers

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> Any:
        """The batch with this number."""
        part, indices = self.parts[number]
        return self.datasets[part].batch(indices)

    def __iter__(self) -> Iterator[Any]:
        return iter(read(self, range(len(self)), self.workers))


def read(batches: Batches | Passes, numbers: range, workers: int) -> Iterator[Any]:
    """Batches by number, read here or ahead in worker processes; draws nothing from the global random state."""
    if not workers:
        return (batches[number] for number in numbers)
    generator = torch.Generator().manual_seed(0)
    loader: DataLoader[Any] = DataLoader(
        batches,  # type: ignore[arg-type]
        None,
        sampler=numbers,
        num_workers=workers,
        generator=generator,
        worker_init_fn=deaf,
    )
    with held():
        return iter(loader)
