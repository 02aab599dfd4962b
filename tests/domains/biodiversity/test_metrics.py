"""Scores against scikit-learn, against definitions by hand, and what is refused."""

import numpy as np
import pytest
import sklearn.metrics as sklearn_metrics
from scipy.stats import spearmanr

from humboldt.domains.biodiversity import (
    auc_pr,
    auc_roc,
    best_threshold,
    boyce,
    calibration,
    kappa,
    log_loss,
    score_table,
    sorensen,
    true_skill,
)


@pytest.fixture(params=["distinct", "ties"])
def case(request):
    random = np.random.default_rng(1)
    y = random.random(300) < 0.2
    p = np.clip(random.normal(0.3 + 0.3 * y, 0.2), 0.01, 0.99)
    return y.astype(int), np.round(p, 1) if request.param == "ties" else p


def test_scores_are_those_of_scikit_learn(case):
    y, p = case
    assert auc_roc(y, p) == pytest.approx(sklearn_metrics.roc_auc_score(y, p))
    assert auc_pr(y, p) == pytest.approx(sklearn_metrics.average_precision_score(y, p))
    assert log_loss(y, p) == pytest.approx(sklearn_metrics.log_loss(y, p))
    said = p >= 0.4
    assert kappa(y, p, 0.4) == pytest.approx(sklearn_metrics.cohen_kappa_score(y, said))
    assert true_skill(y, p, 0.4) == pytest.approx(sklearn_metrics.balanced_accuracy_score(y, said, adjusted=True))
    false, true, _ = sklearn_metrics.roc_curve(y, p)
    assert true_skill(y, p) == pytest.approx((true - false).max())


def test_the_best_threshold_counts_itself_as_presence():
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])
    assert (best_threshold(y, p), true_skill(y, p)) == (0.6, 1)


def test_boyce_follows_its_definition():
    random = np.random.default_rng(0)
    background, presences = random.random(2000), random.beta(3, 1, 150)
    low, high = min(background.min(), presences.min()), max(background.max(), presences.max())
    width = 0.1 * (high - low)
    ratios, middles = [], []
    for start in np.linspace(low, high - width, 101):
        end = start + width if start < high - width else high
        inside = [((x >= start) & (x <= end)).mean() for x in (presences, background)]
        ratios.append(inside[0] / inside[1])
        middles.append((start + end) / 2)
    kept = np.r_[True, np.diff(ratios) != 0]
    expected = spearmanr(np.array(middles)[kept], np.array(ratios)[kept]).statistic
    assert boyce(presences, background) == pytest.approx(expected)
    assert boyce(presences, background) > 0.9
    assert boyce(1 - presences, background) < -0.9


def test_boyce_counts_the_most_suitable_places():
    background = np.linspace(0, 1, 1001)
    rising = np.repeat(background, np.arange(1001) // 10)
    assert boyce(rising, background, bins=10) == pytest.approx(1)
    assert boyce(rising[rising < 0.9], background, bins=10) < 0.7


def test_boyce_of_whole_numbers_does_not_depend_on_their_unit():
    random = np.random.default_rng(3)
    presences, background = random.integers(40, 101, 80), random.integers(0, 101, 3000)
    found = {round(boyce(presences / unit, background / unit, bins=91), 12) for unit in (1, 7, 100, 1e4)}
    inside = [[((x >= s) & (x <= s + 10)).mean() for x in (presences, background)] for s in range(91)]
    ratio = [a / b for a, b in inside]
    kept = np.r_[True, np.diff(np.round(ratio, 12)) != 0]
    assert found == {round(spearmanr(np.arange(91)[kept], np.array(ratio)[kept]).statistic, 12)}


def test_boyce_of_presences_in_the_best_places_alone_is_one():
    background = np.r_[np.full(10, 0.9), np.linspace(0, 0.7, 50)]
    assert boyce(np.full(5, 0.9), background) == pytest.approx(1)


def test_calibration_of_honest_and_of_bold_probabilities():
    random = np.random.default_rng(0)
    p = random.random(20000)
    y = random.random(20000) < p
    honest, bold = calibration(y, p), calibration(y, np.clip(2 * p - 0.5, 0, 1))
    assert honest["count"].sum() == 20000
    assert honest.attrs["error"] < 0.02
    assert honest.attrs["slope"] == pytest.approx(1, abs=0.05)
    assert bold.attrs["error"] > 0.1
    assert bold.attrs["slope"] < 0.8


def test_equal_probabilities_are_calibrated_whatever_the_order_of_sites():
    observed = np.repeat([1, 0], [30, 70])
    found = calibration(observed, np.full(100, 0.3))
    assert found[["predicted", "observed", "count"]].to_numpy() == pytest.approx(np.array([[0.3, 0.3, 100]]))
    assert found.attrs["error"] == pytest.approx(0)
    two = calibration(observed, np.where(observed == 1, 0.9, 0.1), bins=5)
    assert two["observed"].tolist() == [0, 1]
    assert two["count"].tolist() == [70, 30]


def test_sorensen_of_sites():
    observed = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    predicted = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0]])
    assert sorensen(observed, predicted).tolist() == pytest.approx([0.5, np.nan, 1], nan_ok=True)
    with pytest.raises(ValueError, match="apply a threshold"):
        sorensen(observed, predicted * 0.5)
    with pytest.raises(ValueError, match=r"one shape, got \(3, 3\) and \(2, 3\)"):
        sorensen(observed, predicted[:2])


def test_intervals_of_blocks_are_wider_than_of_sites():
    random = np.random.default_rng(0)
    blocks = np.repeat(np.arange(20), 30)
    level = np.repeat(random.normal(0, 1, 20), 30)
    y = random.random(600) < 1 / (1 + np.exp(-level))
    p = 1 / (1 + np.exp(-np.repeat(random.normal(0, 1, 20), 30) - level))
    by_site, by_block = (score_table(y, p, blocks=b, draws=200) for b in (None, blocks))
    assert by_site.loc["auc_roc", "value"] == by_block.loc["auc_roc", "value"] == auc_roc(y, p)
    widths = [(t["upper"] - t["lower"])["auc_roc"] for t in (by_site, by_block)]
    assert widths[1] > 2 * widths[0]
    with pytest.raises(ValueError, match="at least two blocks"):
        score_table(y, p, blocks=np.zeros(600))
    with pytest.raises(ValueError, match=r"a level from 0 to 1, got 1000 draws and 95"):
        score_table(y, p, level=95.0)
    with pytest.raises(ValueError, match="two draws or more and a level from 0 to 1, got 0 draws"):
        score_table(y, p, draws=0)
    with pytest.raises(ValueError, match=r"moves over 2 places or more, got 0.1 and bins=0"):
        boyce(p, p, bins=0)


@pytest.mark.parametrize(
    ("score", "observed", "predicted", "message"),
    [
        (auc_roc, [1, 1], [0.1, 0.2], "presences and absences, got 2 presences at 2 sites"),
        (auc_roc, [0, 2], [0.1, 0.2], r"0 \(absent\) or 1 \(present\), got \[2\]"),
        (auc_roc, [0, 1], [0.1, np.nan], "predictions are finite, got 1 that are not"),
        (auc_pr, [0, 1], [0.1], "got 2 observations and 1 predictions"),
        (log_loss, [0, 1], [-0.1, 0.5], r"a probability lies in \[0, 1\], got -0.1 to 0.5"),
        (boyce, [], [0.1], "takes presences and background, got 0 and 1 values"),
        (boyce, [0.5], [0.5], "takes suitabilities that differ, got 0.5 everywhere"),
        (boyce, [0.5], [np.inf], "finite where a Boyce index is taken"),
    ],
)
def test_what_breaks_a_rule_is_named(score, observed, predicted, message):
    with pytest.raises(ValueError, match=message):
        score(np.array(observed), np.array(predicted))
