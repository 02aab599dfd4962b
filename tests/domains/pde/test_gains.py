import pytest

from humboldt.domains.pde import accuracy_gain, efficiency_gain

FNO = {1: 1.0, 16: 0.5, 128: 0.1}


def test_the_accuracy_gain_is_a_ratio_of_errors_at_equal_data():
    assert accuracy_gain({128: 0.02}, FNO, 128) == pytest.approx(5.0)
    assert accuracy_gain(FNO, FNO, 16) == 1.0


def test_the_efficiency_gain_reads_the_crossing_off_the_logarithmic_line():
    """error = 0.8 / n crosses 0.1 at n = 8, between the points 4 and 16."""
    model = {n: 0.8 / n for n in (1, 4, 16, 128)}
    assert efficiency_gain(model, FNO, 128) == pytest.approx(16.0)
    assert efficiency_gain(FNO, FNO, 128) == pytest.approx(1.0)


def test_the_first_crossing_counts_and_the_ends_are_those_of_the_published_tables():
    assert efficiency_gain({1: 0.3, 4: 0.1, 16: 0.2, 128: 0.05}, FNO, 128) == pytest.approx(32.0)
    assert efficiency_gain({2: 0.05, 128: 0.01}, FNO, 128) == 64.0  # at least: its fewest samples are enough
    assert efficiency_gain({1: 0.9, 128: 0.11}, FNO, 128) == 0.0  # never as good


def test_curves_that_cannot_be_read_are_refused():
    with pytest.raises(ValueError, match=r"the reference was trained on \[1, 16, 128\] samples, got 64; choose"):
        efficiency_gain({64: 0.1}, FNO, 64)
    with pytest.raises(ValueError, match=r"the model was trained on \[1\] samples, got 128"):
        accuracy_gain({1: 0.1}, FNO, 128)
    with pytest.raises(ValueError, match="at least one point, got none"):
        efficiency_gain({}, FNO, 128)
    with pytest.raises(ValueError, match="positive, got nan at 4 samples"):
        efficiency_gain({4: float("nan")}, FNO, 128)
