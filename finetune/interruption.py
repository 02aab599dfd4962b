"""Signals of a batch system: they are noted at once, and acted upon between two steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
EXIT = 85
"""What a command that saved and stopped on a signal ends with: run it again (a batch script requeues)."""


class Interrupted(Exception):  # noqa: N818  it is no error: nothing is lost
    """A run that saved and stopped on a signal; the same call goes on."""


class Signals:
    """Notes signals that come to this process; its children, such as those that read batches, do not act on them."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.owner = os.getpid()
        self.before: dict[int, Any] = {}

    def listen(self) -> None:
        """Begin to note; handlers that others have set since are put aside."""
        for number in SIGNALS:
            found = signal.signal(number, self._note)
            self.before.setdefault(number, found)

    def release(self) -> None:
        """Put the handlers back that were there."""
        for number, handler in self.before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self.before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self.owner:
            self.received = signal.Signals(number)
        elif number == signal.SIGTERM:
            os._exit(128 + number)  # a child that is told to end ends


@contextmanager
def held() -> Iterator[None]:
    """Signals wait until this is left, and processes that begin within never act on them (see `deaf`)."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def deaf(worker: int) -> None:
    """Make a process that reads batches pass over signals, which a batch system sends to all processes of a job.

    It ends when its parent tells it to, or is gone. No handler runs in it, not even of a library: PyTorch's would end
    it, and the run with it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS, where a worker stays until its parent is gone
        Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


@contextmanager
def listening() -> Iterator[Signals]:
    """Note signals within; outside the main thread none can be noted."""
    signals = Signals()
    with suppress(ValueError):
        signals.listen()
    try:
        yield signals
    finally:
        signals.release()
