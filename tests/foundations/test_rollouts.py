"""Which steps a forecast goes in, and what has none."""

import pytest

from humboldt.foundations import refuse_rollout, step_of


def test_a_rollout_goes_in_the_steps_asked_for_else_in_the_usual_ones():
    assert step_of("direct", None, 6) is None
    assert step_of("autoregressive", None, 6) == 6
    assert step_of("autoregressive", 0.5, 6) == 0.5
    assert step_of("direct", None, None) is None


def test_steps_that_would_not_be_taken_are_refused():
    with pytest.raises(ValueError, match="a rollout is 'direct' or 'autoregressive', got 'auto'"):
        step_of("auto", None, 6)
    for step in (-6, 0, float("nan")):
        with pytest.raises(ValueError, match=r"a step of a rollout is positive, got (-6|0|nan) .*multiples of"):
            step_of("autoregressive", step, 6)
    with pytest.raises(ValueError, match=r"got step=6 and rollout='direct'; add rollout='autoregressive' or leave"):
        step_of("direct", 6, 6)


def test_what_is_no_forecast_has_no_rollout():
    refuse_rollout("answers of a task", "direct", None)
    for given in (("autoregressive", None), ("direct", 6)):
        with pytest.raises(ValueError, match=r"answers of a task are made at once, got rollout='\w+' and step=.*leave"):
            refuse_rollout("answers of a task", *given)
