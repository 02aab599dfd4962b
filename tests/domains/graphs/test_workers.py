"""Answers from processes: none is lost, and what stalls or dies costs its own alone."""

import os
import time
from pathlib import Path

from humboldt.domains.graphs.workers import answers


def by_place(function, asked, processes, timeout=None):
    found = dict(answers(function, asked, processes, timeout))
    assert sorted(found) == list(range(len(asked)))
    return [found[place] for place in range(len(asked))]


def test_any_callable_answers_in_its_place():
    added = 3
    assert by_place(lambda x: x + added, list(range(7)), 3) == [(x + 3, "") for x in range(7)]
    assert by_place(len, [], 2) == []


def test_answers_come_as_they_are_ready():
    def wait(x):
        time.sleep(x)
        return x

    assert next(answers(wait, [1.5, 0.0], 2)) == (1, (0.0, ""))


def test_what_raises_or_dies_or_cannot_be_sent_is_told():
    def odd(x):
        if x == "die":
            os._exit(7)
        if x == "raise":
            raise KeyError("nothing")
        return (lambda: 0) if x == "closure" else x

    found = by_place(odd, ["a", "die", "raise", "closure", "b", "die", "c"], 2)
    assert [value for value, _ in found] == ["a", None, None, None, "b", None, "c"]
    assert found[1][1] == found[5][1] == "its process ended with code 7"
    assert found[2][1] == "KeyError: 'nothing'"
    assert "pickle" in found[3][1]


def test_one_that_stalls_is_ended_and_nothing_else_is_asked_twice(tmp_path):
    def logged(x):
        (tmp_path / f"{x}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if x == 1:
            time.sleep(60)
        return x

    began = time.monotonic()
    found = by_place(logged, list(range(6)), 2, timeout=2.0)
    assert found[1] == (None, "no answer within 2.0 s")
    assert [value for value, _ in found] == [0, None, 2, 3, 4, 5]
    assert len(list(tmp_path.iterdir())) == 6
    assert time.monotonic() - began < 40


def test_no_process_is_left_behind():
    def pid(x):
        return os.getpid()

    asked = answers(pid, [0, 1, 2, 3], 2)
    _, (number, _) = next(asked)
    asked.close()
    assert not Path(f"/proc/{number}").exists()
