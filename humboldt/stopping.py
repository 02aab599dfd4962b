"""Signals of a batch system to a command that goes on when it is given again, also while nothing is trained yet."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
EXIT = 85
"""What a command ends with that was stopped: run it again (a batch script requeues)."""


@contextmanager
def stopped_at_once() -> Iterator[None]:
    """Within, a signal ends the process with code 85, where no training has taken it over.

    So it does while packages are imported, data are staged or opened, and a finished run is written down: all of this
    begins again and leaves nothing half-written. Outside the main thread signals are left as they are.
    """
    before = {}
    try:
        for number in SIGNALS:
            before[number] = signal.signal(number, _stop)
    except ValueError:
        pass  # not the main thread
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    name = signal.Signals(number).name
    print(f"humboldt: stopped on {name} outside of training; the same command begins again", file=sys.stderr)
    raise SystemExit(EXIT)
