from pathlib import Path

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import RecordedSpecies, SurveyedRegion, read_region
from humboldt.domains.biodiversity.distribution.recorded import Group
from tests.domains.biodiversity.distribution.test_surveyed import write


@pytest.fixture
def region(tmp_path: Path) -> SurveyedRegion:
    write(tmp_path / "one")
    return read_region(tmp_path / "one")


def test_a_group_knows_which_species_was_recorded_where(region: SurveyedRegion) -> None:
    group = Group(region, "bird")
    assert group.recorded.shape == (1, 12)
    assert group.recorded.all()


def test_presences_that_are_asked_for_are_not_among_those_that_are_told(region: SurveyedRegion) -> None:
    data = RecordedSpecies([region], 8, species=2)
    for index in range(8):
        batch = data.batch([index])
        assert batch.target is not None
        told = {tuple(p) for p in batch.presence[0, 0, batch.presence_weight[0, 0] > 0].tolist()}
        known = batch.target[0, 0].isfinite()
        asked = {tuple(q) for q in batch.query[0, known].tolist()}
        assert not told & asked
        assert 1 <= len(told) <= 8
        assert set(batch.target[0, 0, known].tolist()) == {0.0, 1.0}
        assert batch.target[0, :, -32:].eq(0).all()  # random background at the end
    again = data.batch([0])
    assert np.array_equal(again.query.numpy(), data.batch([0]).query.numpy())


def test_the_surveys_are_never_looked_at(region: SurveyedRegion) -> None:
    import dataclasses

    blind = dataclasses.replace(region, sites=region.sites[:0], surveys=region.surveys[:0])
    ours, theirs = (RecordedSpecies([r], 4, species=2).batch([2]) for r in (region, blind))
    assert np.array_equal(ours.query.numpy(), theirs.query.numpy())


def test_weights_fitted_on_precise_places_say_so(region: SurveyedRegion) -> None:
    assert "fitted on precise places" in RecordedSpecies([region], 4).describe()["caution"]


def test_species_with_few_records_make_no_tasks(region: SurveyedRegion) -> None:
    import dataclasses

    few = dataclasses.replace(region, presence=region.presence.groupby("spid").head(3))
    with pytest.raises(DataError, match="from species with 6 records or more, got none"):
        RecordedSpecies([few], 4)
