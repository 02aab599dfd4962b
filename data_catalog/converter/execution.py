"""Running many tasks: here, in threads, in processes, or on a dask cluster; at most so many are under way at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from ..errors import DataError

LOCAL = ("here", "threads", "processes")


def completed(
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    *,
    scheduler: Any = "threads",
    workers: int = 2,
    at_once: int = 2,
) -> Generator[tuple[int, Any], None, None]:
    """(number, function(task)) for each task, as they are finished.

    Args:
        function: is pickled for processes and clusters, as is each task.
        scheduler: `here`, `threads`, `processes`, the address of a `dask.distributed` scheduler (`tcp://...`), or a
            `distributed.Client`.
        workers: threads or processes; a cluster has its own.
        at_once: tasks under way at a time, which bounds the memory; on a cluster at least two for each of its threads.

    Raises:
        DataError: an unknown scheduler.
        OSError: a worker died more often than a task is repeated; what was finished has been yielded.
    """
    if isinstance(scheduler, str) and scheduler not in LOCAL and "://" not in scheduler:
        raise DataError(
            f"tasks run {', '.join(LOCAL)} or on a dask cluster such as tcp://host:8786, got {scheduler!r}; correct it"
        )
    if scheduler == "here":
        for number, task in enumerate(tasks):
            yield number, function(task)
    elif scheduler in LOCAL:
        with local_pool(scheduler, workers) as pool:
            yield from through_pool(pool, function, tasks, at_once)
    else:
        with cluster(scheduler) as client:
            yield from through_cluster(client, function, tasks, at_once)


@contextmanager
def local_pool(kind: str, workers: int) -> Iterator[Executor]:
    """Threads, or fresh processes, that are gone afterwards; tasks that have not begun are dropped after an error."""
    pool: Executor
    pool = ThreadPoolExecutor(workers) if kind == "threads" else ProcessPoolExecutor(workers, get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def through_pool(
    pool: Executor, function: Callable[[Any], Any], tasks: Sequence[Any], at_once: int
) -> Generator[tuple[int, Any], None, None]:
    """Results of a pool of the standard library."""
    waiting = iter(enumerate(tasks))
    running: dict[Any, int] = {}
    try:
        while True:
            for number, task in itertools.islice(waiting, at_once - len(running)):
                running[pool.submit(function, task)] = number
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    except BrokenProcessPool as error:
        raise OSError(
            "worker processes live until their tasks are done, but one was killed (often for lack of memory); "
            "what is finished is kept: repeat the same command, with fewer workers or less memory for each"
        ) from error


@contextmanager
def cluster(scheduler: Any) -> Iterator[Any]:
    """A client of a dask cluster; one that is given stays open."""
    try:
        import distributed
    except ImportError as error:
        raise ImportError("a dask cluster is reached by distributed; pip install 'humboldt[batch]'") from error
    if isinstance(scheduler, distributed.Client):
        yield scheduler
        return
    with distributed.Client(scheduler, set_as_default=False) as client:
        yield client


def through_cluster(
    client: Any, function: Callable[[Any], Any], tasks: Sequence[Any], at_once: int
) -> Generator[tuple[int, Any], None, None]:
    """Results of a dask cluster, which repeats the tasks of workers that die."""
    import distributed

    waiting, numbers = iter(enumerate(tasks)), {}
    finished = distributed.as_completed(loop=client.loop)

    def submit(count: int) -> None:
        for number, task in itertools.islice(waiting, count):
            future = client.submit(function, task, pure=False)
            numbers[future.key] = number
            finished.add(future)

    try:
        submit(max(at_once, 2 * sum(client.nthreads().values())))
        for future in finished:
            result = future.result()
            submit(1)
            yield numbers.pop(future.key), result
    except distributed.KilledWorker as error:
        raise OSError(
            f"workers of a cluster live until their tasks are done, but several were killed ({error}); what is "
            "finished is kept: repeat the same command, with more memory for each worker"
        ) from error
    finally:
        client.cancel(list(finished.futures), force=True)
