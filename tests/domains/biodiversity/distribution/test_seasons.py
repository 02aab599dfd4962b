import numpy as np
import pytest

from humboldt.domains.biodiversity.distribution.seasons import closeness


def test_the_year_is_a_circle_and_nothing_is_farther_than_half_of_it() -> None:
    near = closeness(np.arange(1, 13), 12)
    assert near[11] == 1
    assert near[0] == pytest.approx(near[10]) == pytest.approx(np.exp(2 * (np.cos(np.pi / 6) - 1)))
    assert near.argmin() == 5
    assert near[5] == pytest.approx(np.exp(-4))
