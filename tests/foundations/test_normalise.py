import pytest
import torch

from humboldt.foundations import Normaliser


def test_normaliser_there_and_back():
    normaliser, x = Normaliser([1.0, 100.0], [2.0, 0.5]), torch.randn(3, 2, 4)
    out = normaliser(x)
    torch.testing.assert_close(out[:, 1], (x[:, 1] - 100) / 0.5)
    torch.testing.assert_close(normaliser.invert(out), x, atol=1e-4, rtol=1e-5)
    assert set(normaliser.state_dict()) == {"mean", "std"}


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan")])
def test_deviation_is_positive(std):
    with pytest.raises(ValueError, match="must be positive"):
        Normaliser([0.0], [std])
