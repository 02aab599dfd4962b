"""Batches read ahead, by threads of this process or by worker processes, in order, in memory of a fixed size."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from ..errors import DataError
from .buffers import aligned

ALIVE = 5.0


@runtime_checkable
class Samples(Protocol):
    """What a loader reads from: `ArrayReader`, `WindowReader`, `SampleReader`."""

    def read_many(self, samples: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The samples with these numbers, [n, ...]."""
        ...


def read_ahead(
    source: Samples, batches: Iterable[Sequence[int] | np.ndarray], *, threads: int = 2, most_bytes: int = 2**28
) -> Iterator[np.ndarray]:
    """Batches in order, each read by one of the threads (decoders let others run); in memory of this process.

    Args:
        source: what reads.
        batches: numbers of the samples of each.
        threads: that read.
        most_bytes: of batches that are read or wait to be taken; there is always room for one.

    Raises:
        Whatever reading raises, when its turn comes.
    """
    waiting: list[Future[np.ndarray]] = []
    numbers, size, done = iter(batches), 0, False
    with ThreadPoolExecutor(max(threads, 1), thread_name_prefix="humboldt-ahead") as pool:
        try:
            while True:
                room = max(1, most_bytes // size) if size else 1
                while not done and len(waiting) < min(room, threads + 1 if not size else room):
                    batch = next(numbers, None)
                    if batch is None:
                        done = True
                    else:
                        waiting.append(pool.submit(source.read_many, batch))
                if not waiting:
                    return
                values = waiting.pop(0).result()
                size = max(size, values.nbytes)
                yield values
        finally:
            for future in waiting:
                future.cancel()


def work_ahead(
    source: Samples,
    batches: Iterable[Sequence[int] | np.ndarray],
    *,
    workers: int = 2,
    most_bytes: int = 2**28,
    start: Literal["fork", "spawn", "forkserver"] = "spawn",
    copy: bool = True,
) -> Iterator[np.ndarray]:
    """Batches in order, read by worker processes into shared memory that is used again and again.

    Args:
        source: what reads; it is pickled, so each worker opens its own.
        batches: numbers of the samples of each; the first one is the largest.
        workers: processes.
        most_bytes: of shared memory; there is always room for a batch a worker.
        start: how processes begin; `fork` is quick, `spawn` safe beside any threads.
        copy: hand out copies; else a batch is a view that holds until the next one is asked for.

    Raises:
        DataError: a worker died. Whatever reading raises in a worker, when its turn comes.
    """
    numbers = iter(batches)
    first = next(numbers, None)
    if first is None:
        return
    sample = source.read_many(np.asarray(first)[:1])
    pool = Workers(source, workers, (len(first), *sample.shape[1:]), sample.dtype, most_bytes, start)
    try:
        yield from pool.run(first, numbers, copy)
    finally:
        pool.close()


class Workers:
    """Processes that read batches into the slots of one block of shared memory."""

    def __init__(
        self, source: Any, workers: int, shape: tuple[int, ...], dtype: np.dtype, most: int, start: str
    ) -> None:
        size = -(-int(np.prod(shape)) * dtype.itemsize // 4096) * 4096
        self.slots = max(workers + 1, min(most // size, 4 * workers))
        self.block = SharedMemory(create=True, size=size * self.slots)
        context: Any = get_context(start)
        self.tasks, self.results = context.SimpleQueue(), context.Queue()
        self.views = views(self.block, self.slots, size, shape, dtype)
        words = (source, self.block.name, (self.slots, size, shape, dtype), self.tasks, self.results)
        self.processes = [context.Process(target=serve, args=words, daemon=True) for _ in range(workers)]
        for process in self.processes:
            process.start()

    def run(self, first: Any, numbers: Iterator[Any], copy: bool) -> Iterator[np.ndarray]:
        """Batches in the order of their numbers."""
        free, found = list(range(self.slots)), dict[int, Any]()
        given, taken, batch = 0, 0, first
        while batch is not None or taken < given:
            while batch is not None and free:
                self.tasks.put((given, free.pop(), np.asarray(batch)))
                given, batch = given + 1, next(numbers, None)
            while taken not in found:
                number, *answer = self._answer()
                found[number] = answer
            slot, count, error = found.pop(taken)
            taken += 1
            if error is not None:
                raise error
            values = self.views[slot][:count]
            yield duplicate(values) if copy else values
            free.append(slot)

    def _answer(self) -> Any:
        while True:
            try:
                return self.results.get(timeout=ALIVE)
            except queue.Empty:
                dead = [process.pid for process in self.processes if not process.is_alive()]
                if dead:
                    raise DataError(
                        f"worker processes read until they are told to stop, but {dead} died; look for a kill for lack "
                        "of memory, and take fewer workers"
                    ) from None

    def close(self) -> None:
        """Stop the processes and give the memory back."""
        for _ in self.processes:
            self.tasks.put(None)
        for process in self.processes:
            process.join(ALIVE)
            if process.is_alive():
                process.kill()
        self.views.clear()
        self.block.close()
        self.block.unlink()


def views(block: SharedMemory, slots: int, size: int, shape: tuple[int, ...], dtype: np.dtype) -> list[np.ndarray]:
    """The slots of a block as arrays."""
    return [np.ndarray(shape, dtype, block.buf, offset=n * size) for n in range(slots)]


def duplicate(values: np.ndarray) -> np.ndarray:
    """A copy in memory of its own."""
    out = aligned(values.shape, values.dtype)
    out[...] = values
    return out


def serve(source: Any, name: str, slots: Any, tasks: Any, results: Any) -> None:
    """What a worker does: read what it is told into the slot that it is told, until it is told nothing, or orphaned."""
    block, parent = SharedMemory(name=name), os.getppid()
    watch(parent)
    memory = views(block, *slots)
    for number, slot, batch in iter(tasks.get, None):
        error = None
        try:
            source.read_many(batch, memory[slot][: len(batch)])
        except Exception as raised:  # raised again where the batch is asked for
            error = raised
        results.put((number, slot, len(batch), error))
    memory.clear()
    block.close()


def watch(parent: int) -> None:
    """End this process soon after its parent was killed."""

    def look() -> None:
        while os.getppid() == parent:
            threading.Event().wait(ALIVE)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
