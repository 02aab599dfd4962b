"""The face of a result that grows: it goes on where it was, and is whole or says that it is not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ..errors import no_room


class Grows(ABC):
    """A result that grows. Leaves say where: in a folder of this machine, or behind a URL.

    Attributes:
        output: where the result belongs.
        plan: JSON-ready, everything that the result depends on: the same plan continues an unfinished one.
        command: what repeats the run, for messages.
    """

    output: Path | str
    plan: Mapping[str, Any]
    command: str

    @property
    @abstractmethod
    def store(self) -> Path | str:
        """Where it grows."""

    @property
    @abstractmethod
    def partial(self) -> Path | str:
        """Where lies what is needed to go on."""

    @property
    @abstractmethod
    def journal(self) -> Any:
        """What is finished, with `read()` and `add(entries)`."""

    @property
    @abstractmethod
    def beside(self) -> Path:
        """A path of this machine beside which temporary data may lie."""

    @property
    @abstractmethod
    def room(self) -> str:
        """How much more it may hold, for reading."""

    @abstractmethod
    def noted(self, name: str) -> dict[str, Any] | None:
        """What was noted under a name, or None."""

    @abstractmethod
    def note(self, name: str, value: Any) -> None:
        """Keep a JSON-ready value beside the growing result, atomically."""

    @abstractmethod
    def found(self) -> dict[str, Any] | None:
        """The attributes of the whole store that is there already, or None.

        Raises:
            FileExistsError: there is something else.
        """

    @abstractmethod
    def require_room(self, needed: int, cure: str) -> None:
        """Refuse to start what there is no room for, with ENOSPC."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """Nobody else writes it.

        Raises:
            FileExistsError: another process does. PermissionError: it cannot be written.
        """

    @abstractmethod
    def empty(self) -> None:
        """Remove what another plan has left; the plan goes first."""

    @abstractmethod
    def publish(self) -> None:
        """Put the finished result where it belongs."""

    @abstractmethod
    def forget(self) -> None:
        """Remove what is needed to go on, if it is there."""

    def read_plan(self) -> dict[str, Any] | None:
        """The plan of the unfinished result, or None."""
        return self.noted("plan.json")

    @contextmanager
    def begun(self, overwrite: bool) -> Iterator[bool]:
        """Whether there is an unfinished result of this plan to go on with; otherwise the place is new and empty.

        Raises:
            FileExistsError: an unfinished result of another plan, or another process that is writing it.
            PermissionError: a folder that cannot be written.
        """
        before = self.read_plan()
        if before is not None and before != self.plan and not overwrite:
            raise FileExistsError(
                f"an unfinished run continues with the same arguments only, got {self.partial}"
                f"{differences(before, self.plan)}; repeat those, or overwrite=True"
            )
        with self.locked():
            goes_on = before == self.plan
            if not goes_on:
                self.empty()
            yield goes_on

    @contextmanager
    def until_full(self, done: Callable[[], str]) -> Iterator[None]:
        """A disk that takes no more is told with what is `done`, such as `3 of 5 samples`, and kept.

        Raises:
            OSError: with the number of the error, and the cure.
        """
        try:
            yield
        except OSError as error:
            if (lack := no_room(error)) is None:
                raise
            raise OSError(
                error.errno,
                f"{lack[0]} after {done()}; they are kept in {self.partial}: {lack[1]} and repeat the same call to "
                "continue",
            ) from error


def another_writer(output: Path | str) -> FileExistsError:
    """The error for a result that another process is writing."""
    return FileExistsError(f"one process at a time writes a result, but another one is writing {output}; wait for it")


def differences(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    """` (codec: 'lz4' before, 'zstd' now)`: in what two plans differ."""
    if before is None:
        return ""
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return (
        " (" + "; ".join(f"{key}: {_short(before.get(key))} before, {_short(now.get(key))} now" for key in keys) + ")"
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 80 else text[:76] + " ..."
