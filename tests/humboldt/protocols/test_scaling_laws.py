from dataclasses import replace

import numpy as np
import pytest

from humboldt.foundations import SampleScores
from humboldt.protocols.scaling_laws import curves, fit_loss, fit_score, misaligned
from humboldt.protocols.states import ProtocolError
from tests.humboldt.leaderboard.made import PLAIN

SIZES = np.repeat([10, 30, 100, 300, 1000, 3000, 10000], 3)


def test_a_loss_law_is_found_again_under_5_percent_noise():
    true = 0.2 + 3 * SIZES**-0.6
    noisy = true * (1 + 0.05 * np.random.default_rng(0).standard_normal(len(SIZES)))
    found = fit_loss(SIZES, noisy, bootstrap=30)
    assert found.parameters["E"] == pytest.approx(0.2, rel=0.1)
    assert found.parameters["a"] == pytest.approx(0.6, rel=0.15)
    low, high = found.intervals["a"]
    assert low < 0.6 < high
    assert found.residual == pytest.approx(0.05, rel=0.4)
    assert not found.misaligned
    assert found([1e6])[0] == pytest.approx(0.2, rel=0.1)


def test_a_score_law_is_found_again():
    true = (0.5 + 0.3 * np.log(SIZES)) ** 0.5
    found = fit_score(SIZES, true, bootstrap=0)
    np.testing.assert_allclose(found(SIZES), true, rtol=1e-3)
    assert not found.misaligned


def test_fewer_than_four_sizes_are_refused():
    with pytest.raises(ProtocolError, match="4 different sizes or more, got 3"):
        fit_loss([1, 1, 10, 100], [3, 3, 2, 1])
    for sizes, losses in (([1, 10, 100, 1000], [3, 2, 1, -1]), ([1, 10, 100, 1000, np.nan], [3, 2, 1, 1, 1])):
        with pytest.raises(ProtocolError, match=r"positive and finite, got .*; leave out what is not"):
            fit_loss(sizes, losses)
    with pytest.raises(ProtocolError, match="come in pairs"):
        fit_score([1, 10, 100, 1000], [3, 2, 1])


def test_a_score_that_turns_is_misaligned_and_noise_is_not():
    sizes = np.repeat([10, 100, 1000, 10000], 3)
    rising = np.array([0.5, 0.52, 0.51, 0.6, 0.61, 0.62, 0.70, 0.71, 0.69, 0.70, 0.71, 0.72])
    assert not misaligned(sizes, rising, falling=False)
    turning = rising.copy()
    turning[-3:] = [0.55, 0.56, 0.57]
    assert misaligned(sizes, turning, falling=False)
    assert fit_score(sizes, turning, bootstrap=0).misaligned
    assert misaligned([1, 2, 3, 4], [4, 2, 3, 1], falling=True)


def test_curves_are_of_records_that_differ_in_their_number_of_samples_alone():
    def record(samples, value, **changes):
        return replace(PLAIN, samples=samples, value=value, **changes)

    scores = SampleScores.of("error", ["a", "b"], {"x": [1.0, 3.0]})
    rising = replace(scores, metric="hits", better="higher")
    found = curves([
        record(4, 0.5, scores=scores), record(8, 0.25, scores=rising), record(4, 0.75, control=True),
        record(None, 0.1), record(4, 0.3, method="other"),
    ])  # fmt: skip
    question = (PLAIN.protocol, PLAIN.model, PLAIN.data)
    assert found == {
        (*question, PLAIN.metric, PLAIN.method): [(4, 0.5), (8, 0.25)],
        (*question, "mean error", PLAIN.method): [(4, 2.0)],
        (*question, PLAIN.metric, f"{PLAIN.method} (random)"): [(4, 0.75)],
        (*question, PLAIN.metric, "other"): [(4, 0.3)],
    }
