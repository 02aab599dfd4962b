from typing import Any

import numpy as np
import pytest

from humboldt.protocols import continual
from humboldt.protocols.continual import Course, along
from humboldt.protocols.states import ProtocolError

ERRORS = np.array([
    [0.9, 0.8, 0.7],
    [0.1, 0.6, 0.8],
    [0.3, 0.2, 0.5],
    [0.25, 0.4, 0.1],
])  # fmt: skip


def test_forgetting_and_transfer_follow_their_definitions():
    course = Course(ERRORS)
    np.testing.assert_allclose(course.forgetting, [0.25 - 0.1, 0.4 - 0.2])
    np.testing.assert_allclose(course.forward, [0.8 - 0.6, 0.7 - 0.5])
    assert course.final == pytest.approx(0.25)


def test_what_gets_better_later_is_not_forgotten():
    better = ERRORS.copy()
    better[-1, :2] = 0.05, 0.05
    np.testing.assert_allclose(Course(better).forgetting, [0, 0])


class Task:
    def __init__(self, number):
        self.number = number

    def split(self, name):
        assert name == "test"
        return self


def test_a_sequence_learns_one_after_the_other_and_scores_all(monkeypatch):
    from humboldt.foundations import Score

    monkeypatch.setattr(
        continual, "measure", lambda model, task, lead_steps=None: Score(ERRORS[len(model), task.number], "m")
    )

    def learn(model: Any, task: Any) -> Any:
        return (*model, task.number)

    start: Any = ()
    course, model = along(start, [Task(0), Task(1), Task(2)], learn)
    assert model == (0, 1, 2)
    np.testing.assert_array_equal(course.errors, ERRORS)


def test_one_data_set_is_no_sequence():
    with pytest.raises(ProtocolError, match="two data sets or more, got 1"):
        along((), [Task(0)], lambda model, task: model)
    with pytest.raises(ProtocolError, match="two data sets or more and a row"):
        Course(np.zeros((2, 2)))
