import json

import numpy as np
import pytest

from humboldt.foundations import ConfigError, SampleScores, from_dict, to_dict


def test_scores_of_samples_are_read_back_with_what_is_not_known():
    found = SampleScores.of("error", [3, 7], {"1 h": np.array([0.123456789, np.nan]), "2 h": [np.nan, 2.0]}, "K")
    assert found.values == ((0.123457, None), (None, 2.0))
    assert from_dict(SampleScores, to_dict(found)) == found
    assert found.mean == pytest.approx((0.123457 + 2) / 2)
    assert found.by_column()["2 h"]["7"] == 2
    assert np.isnan(found.by_column()["2 h"]["3"])
    assert np.isnan(SampleScores.of("error", ["a"], {"x": [np.nan]}).mean)


def test_a_sample_that_ran_away_is_not_one_without_a_value():
    found = SampleScores.of("error", [3, 7], {"1 h": [1.0, np.inf], "2 h": [-np.inf, 2.0]})
    assert found.values == ((1.0, np.inf), (-np.inf, 2.0))
    said = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert from_dict(SampleScores, said) == found
    assert found.by_column() == {"1 h": {"3": 1.0, "7": np.inf}, "2 h": {"3": -np.inf, "7": 2.0}}
    assert SampleScores.of("error", [3, 7], {"1 h": [1.0, np.inf]}).mean == np.inf


def test_a_sample_has_one_name_and_a_column_a_value_for_each():
    with pytest.raises(ConfigError, match="every sample has a name of its own, got '3' twice; number them"):
        SampleScores.of("error", [3, 3], {"1 h": [1, 2]})
    with pytest.raises(ConfigError, match=r"value for each of 2 samples, got rows of \[1\]; write None where"):
        SampleScores.of("error", [3, 4], {"1 h": [1]})
    with pytest.raises(ConfigError, match="a row for each of 0 columns"):
        SampleScores.of("error", [3, 4], {})
