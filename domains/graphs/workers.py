"""A slow function asked for many things at once, in processes: one that stalls or dies costs its own answer alone.

Answers come in the order in which they are ready. Each process is told one thing at a time, so that its time begins
when it does; it is made by `fork`, so that any function will do (a closure, a lambda, an open licence).
"""

from __future__ import annotations

import math
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

Answer = tuple[Any, str]
"""What a function gave, and what went wrong (empty where nothing did)."""


def answer(function: Callable[[Any], Any], asked: Any) -> Answer:
    """What the function gives, or what it raised."""
    try:
        return function(asked), ""
    except Exception as error:  # whatever a user's function raises is told with what it was asked for
        return None, f"{type(error).__name__}: {error}"


def answers(
    function: Callable[[Any], Any], asked: Sequence[Any], processes: int, timeout: float | None = None
) -> Generator[tuple[int, Answer], None, None]:
    """Yield place and answer of everything that is asked, as they come.

    Args:
        function: of one thing; any callable whose answers can be sent between processes.
        asked: the things.
        processes: at a time.
        timeout: that one answer may take [s]; any time if not given.
    """
    waiting, places = deque(enumerate(asked)), min(processes, len(asked))
    working: list[Worker] = []
    try:
        working += [Worker(function) for _ in range(places)]
        while waiting or any(worker.busy for worker in working):
            for worker in working:
                if waiting and not worker.busy:
                    worker.tell(*waiting.popleft())
            for number in _ready(working, timeout):
                worker = working[number]
                place, found = worker.place, worker.read(timeout)
                if worker.ended:
                    worker.end()
                    working[number] = Worker(function)
                yield place, found
    finally:
        for worker in working:
            worker.end()


class Worker:
    """A process that answers, one thing after another."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(function, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.place, self.began, self.busy, self.ended = -1, 0.0, False, False

    def tell(self, place: int, asked: Any) -> None:
        """Ask for one thing."""
        self.place, self.began, self.busy = place, time.monotonic(), True
        with suppress(OSError):  # it died since its last answer, which `read` finds out
            self.pipe.send(asked)

    def left(self, timeout: float | None) -> float:
        """Seconds that it still has."""
        return math.inf if timeout is None else self.began + timeout - time.monotonic()

    def read(self, timeout: float | None) -> Answer:
        """Its answer, or why there is none; then it has `ended`."""
        self.busy = False
        with suppress(EOFError, OSError):
            if self.pipe.poll():
                found: Answer = self.pipe.recv()
                return found
        self.ended = True
        if self.process.is_alive() and self.left(timeout) <= 0:
            return None, f"no answer within {timeout} s"
        self.process.join(1)
        return None, f"its process ended with code {self.process.exitcode}"

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _ready(working: Sequence[Worker], timeout: float | None) -> list[int]:
    """Those that have answered, have ended, or have taken too long; waits for the first."""
    busy = {number: worker for number, worker in enumerate(working) if worker.busy}
    least = min(worker.left(timeout) for worker in busy.values())
    signs: dict[Any, int] = {}
    for number, worker in busy.items():
        signs[worker.pipe] = signs[worker.process.sentinel] = number
    found = {signs[sign] for sign in wait(list(signs), None if least == math.inf else max(least, 0))}
    return sorted(found | {number for number, worker in busy.items() if worker.left(timeout) <= 0})


def _serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    """Answer until nobody asks any more; an interruption is the business of the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            asked = pipe.recv()
        except (EOFError, OSError):
            return
        found = answer(function, asked)
        try:
            pipe.send(found)
        except Exception as error:  # an answer that cannot be sent
            pipe.send((None, f"{type(error).__name__}: {error}"))
