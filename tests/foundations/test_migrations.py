import pytest

from humboldt.foundations import CheckpointError, migrations
from humboldt.foundations.migrations import FORMAT, STEPS, VERSION, migrated


def test_the_steps_lead_from_the_first_format_to_the_present_one():
    assert sorted(STEPS) == list(range(1, VERSION))
    assert migrated({"format": "humboldt-1", "domain": "pde"}) == {
        "format": FORMAT,
        "domain": "pde",
        "library": "before 0.1",
    }


def test_steps_are_taken_in_their_order(monkeypatch):
    steps = {n: lambda record, n=n: {**record, "path": [*record.get("path", []), n]} for n in (1, 2, 3)}
    monkeypatch.setattr(migrations, "STEPS", steps)
    monkeypatch.setattr(migrations, "VERSION", 4)
    assert migrated({"format": "humboldt-2"})["path"] == [2, 3]


def test_the_present_format_and_published_records_stay_as_they_are():
    assert migrated({"format": FORMAT, "library": "1.0"}) == {"format": FORMAT, "library": "1.0"}
    assert migrated({"n_layer": 3}) == {"n_layer": 3}


@pytest.mark.parametrize("said", ["humboldt-99", "humboldt-999999"])
def test_a_format_of_the_future_asks_for_an_update(said):
    with pytest.raises(CheckpointError, match=f"reads checkpoints up to {FORMAT}, got {said}; update Humboldt"):
        migrated({"format": said})


@pytest.mark.parametrize("said", ["humboldt-0", "humboldt", "other-1", None, 3])
def test_a_format_that_never_was_is_refused(said):
    with pytest.raises(CheckpointError, match="a checkpoint of ours has a format such as"):
        migrated({"format": said})
