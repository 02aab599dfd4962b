import numpy as np
import pytest

from humboldt.domains.biodiversity.distribution import mess


def test_similarity_by_hand() -> None:
    """Elith et al. 2010: 2 f up to the median, 2 (100 - f) above, percent of the range beyond."""
    reference = np.arange(10.0)[:, None]
    surface, worst = mess(reference, np.array([[0.0], [2.5], [5.0], [8.5], [9.0], [-1.8], [10.8], [np.nan]]))
    assert surface[:7].tolist() == pytest.approx([0.0, 60.0, 100.0, 20.0, 20.0, -20.0, -20.0])
    assert np.isnan(surface[7])
    assert worst[7] == -1


def test_the_least_similar_variable_decides_and_is_named() -> None:
    random = np.random.default_rng(0)
    reference = random.normal(size=(500, 3))
    surface, worst = mess(reference, np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0]]))
    assert surface[0] > 80
    assert surface[1] < -50
    assert worst[1] == 1


def test_another_number_of_variables_is_refused() -> None:
    with pytest.raises(ValueError, match="same variables, got 5 points with 2 for places with 3"):
        mess(np.zeros((5, 2)), np.zeros((4, 3)))
