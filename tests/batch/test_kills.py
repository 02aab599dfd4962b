"""A few of the kills whose table is in the documentation."""

import pytest

from tests.batch.kills import RECIPE, kills


@pytest.mark.integration
def test_a_run_that_is_killed_goes_on_and_loses_the_steps_since_its_last_checkpoint_alone(tmp_path):
    found = list(kills(6, 1, tmp_path))
    assert {kill.resumed for kill in found} == {"same"}
    assert all(0 <= kill.lost <= RECIPE.save_every for kill in found)
    assert any(kill.during == "save" for kill in found)
    assert any(kill.during == "step" for kill in found)
