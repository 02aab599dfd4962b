"""Tasks run in threads and processes; what goes wrong in one ends them all."""

import os
import signal

import pytest

from humboldt.data_catalog import DataError
from humboldt.data_catalog.converter.execution import completed


@pytest.mark.parametrize("scheduler", ["here", "threads"])
def test_every_task_is_done_once(scheduler):
    results = dict(completed(pow_two, range(9), scheduler=scheduler, workers=3, at_once=2))
    assert results == {n: n**2 for n in range(9)}


def pow_two(n: int) -> int:
    return n**2


def test_not_more_than_allowed_are_under_way():
    started: list[int] = []
    run = completed(started.append, range(9), scheduler="threads", workers=2, at_once=3)
    next(run)
    assert len(started) <= 5
    run.close()
    assert len(started) <= 5


def test_an_error_ends_the_rest():
    done: list[int] = []

    def failing(n: int) -> None:
        if n == 2:
            raise ValueError("two")
        done.append(n)

    with pytest.raises(ValueError, match="two"):
        list(completed(failing, range(100), scheduler="threads", workers=2, at_once=2))
    assert len(done) < 10


@pytest.mark.integration
def test_processes_give_the_same_and_a_killed_one_is_said():
    assert dict(completed(abs, [-1, 2], scheduler="processes", workers=1, at_once=1)) == {0: 1, 1: 2}
    with pytest.raises(OSError, match=r"one was killed .*what is finished is kept: repeat the same command"):
        list(completed(signal.raise_signal, [signal.SIGKILL], scheduler="processes", workers=1, at_once=1))
    assert os.getpid()


def test_unknown_schedulers_are_refused():
    with pytest.raises(DataError, match=r"here, threads, processes or on a dask cluster such as tcp://.*got 'thread'"):
        list(completed(abs, [1], scheduler="thread"))
