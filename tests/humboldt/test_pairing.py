"""Two results sample by sample: the difference, its interval, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest

from humboldt.foundations import ConfigError, SampleScores
from humboldt.pairing import paired, rivals
from tests.humboldt.leaderboard.made import PLAIN


def record(values, columns=None, samples=None, **more):
    rows = {"lead step 1": values} if columns is None else columns
    names = range(len(next(iter(rows.values())))) if samples is None else samples
    return replace(PLAIN, scores=SampleScores.of("relative L1", names, rows), **more)


def test_a_pair_tells_apart_what_two_means_do_not():
    chance = np.random.default_rng(0)
    hard = chance.lognormal(size=60)
    first, second = record(hard), record(hard + 0.05 + 0.02 * chance.normal(size=60))
    found = paired(first, second)
    assert found.difference == pytest.approx(-0.05, abs=0.01)
    assert found.told_apart
    assert found.low < found.difference < found.high < 0
    assert found.high - found.low < 0.02 < 0.2 * hard.std() / 60**0.5 * 2  # far below that of the mean of either
    assert (found.samples, found.unit) == (60, "1")
    assert found.better > 0.95
    back = paired(second, first)
    assert back.difference == -found.difference
    assert back.better == pytest.approx(1 - found.better)
    assert not paired(first, first).told_apart
    assert paired(first, first).better == 0.5
    assert "better on" in str(found)


def test_intervals_hold_the_truth_as_often_as_they_say():
    chance = np.random.default_rng(1)
    zero = record(np.zeros(40))
    pairs = [paired(record(chance.exponential(size=40)), zero, draws=300, confidence=0.9) for _ in range(400)]
    assert 0.84 < np.mean([p.low <= 1 <= p.high for p in pairs]) < 0.94


def test_samples_are_paired_by_name_and_columns_by_what_both_have():
    first = record(None, {"a": [1.0, 2.0, np.nan, 5.0], "b": [1.0, np.nan, np.nan, 7.0]}, samples=["w", "x", "y", "z"])
    second = record(None, {"b": [0.0, 0.0, 1.0], "a": [4.0, 0.5, 1.0]}, samples=["z", "w", "y"])
    found = paired(first, second)
    assert found.samples == 2  # w and z; y is known to one of them alone, x is not in both
    assert found.difference == pytest.approx(np.mean([(0.5 + 1) / 2, (1 + 7) / 2]))


def test_what_cannot_be_paired_is_said():
    good = record([1.0, 2.0, 3.0])
    for other, said in (
        (replace(good, scores=None), "a pair takes scores by sample, got a record of 'lora' without; measure it again"),
        (replace(good, data_version="v2"), "one version of the data, got 'v1' and 'v2'; measure both alike"),
        (replace(good, scores=replace(good.scores, metric="RMSE")), "one metric, got 'relative L1' and 'RMSE'"),
        (replace(good, scores=replace(good.scores, unit="K")), "one unit, got '1' and 'K'"),
        (record(None, {"lead step 2": [1.0, 2.0, 3.0]}), r"same columns, got \['lead step 1'\] and \['lead step 2'\]"),
        (record([1.0, 2.0, 3.0], samples=[2, 3, 4]), "two samples or more in common, got 1; measure both on one part"),
        (record([1.0], samples=["elsewhere"]), "in common, got 0"),
    ):
        with pytest.raises(ConfigError, match=said):
            paired(good, other)
    with pytest.raises(ConfigError, match="one version of the data, got None and None"):
        paired(replace(good, data_version=None), replace(good, data_version=None))
    with pytest.raises(ConfigError, match=r"confidence in \(0, 1\) and a draw or more, got 1.5 and 2000"):
        paired(good, good, confidence=1.5)


def test_a_run_that_ran_away_on_a_sample_is_not_paired_without_it():
    first, second = record(np.array([0.1, 0.2, 0.3])), record(np.array([0.1, np.inf, 0.4]))
    said = r"finite scores, got infinite ones of the second on 1 of 3 samples \(the first is '1'\).*lower rates"
    with pytest.raises(ConfigError, match=said):
        paired(first, second)
    with pytest.raises(ConfigError, match="of the first on 1 of 3"):
        paired(second, second)
    assert rivals(first, [replace(second, method="another")]) == []


def test_rivals_answer_the_same_question_and_the_nearest_comes_first():
    mine = record([1.0, 2.0, 3.0], settings={"strength": 1.0, "task": "forecast"})
    far = record([9.0, 9.0, 9.0], method="far", settings={"strength": 4.0, "task": "forecast"})
    near = record([1.1, 2.0, 3.0], method="near", settings=mine.settings)
    others = [
        replace(near, method="other", seed=1),
        replace(near, method="other", samples=16),
        replace(near, method="other", settings={"task": "error"}),
        replace(near, method="other", scores=None),
    ]
    assert [other.method for other, _ in rivals(mine, [mine, far, near, *others])] == ["near", "far"]
