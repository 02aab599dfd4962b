from pathlib import Path

import numpy as np
import pytest
import torch

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import RegionTasks, SpeciesBatch, Suitability, evaluate_species
from humboldt.measuring import measure
from tests.domains.biodiversity.distribution.small import network
from tests.domains.biodiversity.distribution.test_surveyed import write


@pytest.fixture
def tasks(tmp_path: Path) -> RegionTasks:
    write(tmp_path / "one")
    found = humboldt.open(tmp_path / "one", domain="biodiversity")
    assert isinstance(found, RegionTasks)
    return found


def test_parts_are_other_tasks_and_a_choice_is_some_of_them(tasks: RegionTasks) -> None:
    train, validation = tasks.split("train"), tasks.split("validation")
    assert isinstance(train, RegionTasks)
    assert len(train) == 128
    assert len(validation) == 8
    assert not torch.equal(train.batch([0]).query, validation.batch([0]).query)
    few = train.choose([5, 2])
    assert torch.equal(few.batch([1]).query, train.batch([2]).query)
    assert few.take(1).numbers == (5,)
    marks = {part.describe()["fingerprint"] for part in (train, validation, few, tasks.split("test"))}
    assert len(marks) == 4
    with pytest.raises(DataError, match="has 128 tasks, got 200; take 1 to 128"):
        train.take(200)
    with pytest.raises(DataError, match="the parts train, validation and test, got 'tests'"):
        tasks.split("tests")


def test_the_test_part_asks_where_people_looked(tasks: RegionTasks) -> None:
    test = tasks.split("test")
    assert test.species == ("a1", "b1")
    batch = test.batch([0, 1])
    sites, truth = tasks.region.test("b1")
    assert batch.target is not None
    known = batch.target[1, 0].isfinite()
    assert int(known.sum()) == len(sites) == 20
    assert batch.target[1, 0, known].sum().item() == truth.sum()
    asked = {tuple(row) for row in batch.query[1, known].tolist()}
    assert asked == {tuple(row) for row in sites[tasks.region.variables].to_numpy(np.float32).tolist()}
    assert torch.equal(batch.query, test.batch([0, 1]).query)


def test_a_model_that_knows_scores_one_and_one_that_does_not_near_a_half(
    tasks: RegionTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    test, model = tasks.split("test"), network()

    def knows(batch: SpeciesBatch) -> Suitability:
        assert batch.target is not None
        return Suitability(batch.target.nan_to_num(), torch.ones_like(batch.target))

    knowing = network()
    monkeypatch.setattr(knowing, "forward", knows)
    scores = evaluate_species({"knowing": knowing, "fresh": model}, test, batch_size=1)
    assert scores["auc"].sel(forecast="knowing").values.tolist() == [1.0, 1.0]
    fresh = scores["auc"].sel(forecast="fresh")
    assert ((fresh > 0) & (fresh < 1)).all()
    score = measure(model, test)
    assert score.value == pytest.approx(1 - float(fresh.mean()))
    assert "area under the ROC curve, mean over species" in score.metric
    assert score.samples is not None
    assert score.samples.samples == ("a1", "b1")
    assert score.samples.mean == pytest.approx(score.value, rel=1e-5)
