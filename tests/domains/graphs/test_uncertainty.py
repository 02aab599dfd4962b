"""Intervals hold as many values as they say, probabilities come true as often as they say."""

import numpy as np
import pandas as pd
import pytest

import humboldt
from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.graphs import Calibration, Graph, for_task, open_graphs
from humboldt.domains.graphs.properties import calibration
from humboldt.domains.graphs.vocabulary import Chemistry
from humboldt.foundations import ConfigError
from tests.domains.graphs.small import small
from tests.domains.graphs.test_properties import table, vocabulary

NAMES = ("y",)


def drawn(chance: np.random.Generator, count: int, models: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of an ensemble whose members lie apart where they are wrong, the truth, and how wrong they are."""
    noise = np.where(chance.random(count) < 0.5, 0.2, 2.0)
    truth = chance.normal(size=count)
    centre = truth + noise * chance.normal(size=count)
    members = centre + 0.5 * noise * chance.normal(size=(models, count))
    return members[..., None], truth[:, None], noise


@pytest.mark.parametrize("level", [0.5, 0.9])
@pytest.mark.parametrize("models", [1, 5])
def test_intervals_hold_their_share_of_new_values(level, models):
    chance = np.random.default_rng(0)
    values, truth, _ = drawn(chance, 2000, models)
    found = Calibration.of(values, truth, NAMES, "regression", level)
    new, true, noise = drawn(chance, 4000, models)
    low, high = found.interval(new)
    inside = ((true >= low) & (true <= high))[:, 0]
    assert inside.mean() == pytest.approx(level, abs=0.04)
    width = (high - low)[:, 0]
    if models > 1:  # where the members lie apart the interval is wide
        assert width[noise > 1].mean() > 2 * width[noise < 1].mean()
    else:
        assert np.ptp(width) == pytest.approx(0)


def test_the_rank_of_a_quantile_by_hand():
    """Nine residuals 1 to 9: the interval of level 0.9 takes the ceil(10 x 0.9) = 9th."""
    truth = np.arange(1.0, 10.0)[:, None]
    found = Calibration.of(np.zeros((1, 9, 1)), truth, NAMES, "regression", 0.9)
    assert [end.item() for end in found.interval(np.full((1, 1, 1), 3.0))] == [-6.0, 12.0]
    assert Calibration.of(np.zeros((1, 9, 1)), truth, NAMES, "regression", 0.5).quantile == 5.0
    many = np.arange(1.0, 100.0)[:, None]  # 99 of them: the 100 x 0.55 = 55th, though the product is a little more
    assert Calibration.of(np.zeros((1, 99, 1)), many, NAMES, "regression", 0.55).quantile == 55.0
    truth[0] = np.nan
    with pytest.raises(
        DataError, match=r"level 0.9 takes 9 held-out molecules with a known value or more, got 8 with 'y'"
    ):
        Calibration.of(np.zeros((1, 9, 1)), truth, NAMES, "regression", 0.9)


def test_probabilities_that_were_too_sure_come_true():
    """Logits three times too large and shifted: calibrated, they are those that the labels were drawn from."""
    chance = np.random.default_rng(0)
    logits = chance.normal(size=5000)
    labels = (chance.random(5000) < 1 / (1 + np.exp(-logits))).astype(float)[:, None]
    too_sure = (1 / (1 + np.exp(-(3 * logits + 1.0))))[None, :, None]
    found = Calibration.of(too_sure[:, :2500], labels[:2500], NAMES, "classification")
    assert found.slope.item() == pytest.approx(1 / 3, rel=0.15)
    assert found.offset.item() == pytest.approx(-1 / 3, abs=0.1)
    new = found.probability(too_sure[:, 2500:])[:, 0]
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8)):
        chosen = (new >= low) & (new < high)
        assert labels[2500:, 0][chosen].mean() == pytest.approx(new[chosen].mean(), abs=0.06)


def test_classes_that_are_far_apart_do_not_make_probabilities_of_one():
    labels = np.array([[0.0]] * 5 + [[1.0]] * 5)
    found = Calibration.of(labels[None], labels, NAMES, "classification").probability(labels[None])
    assert 0.05 < found[0, 0] < 0.25
    assert 0.75 < found[-1, 0] < 0.95
    with pytest.raises(DataError, match="both classes, got 0 of class 1 and 10 of class 0 with 'y'; hold out more"):
        Calibration.of(labels[None], np.zeros((10, 1)), NAMES, "classification")


def test_a_table_of_predictions_with_intervals(tmp_path):
    frame = table()
    data = open_graphs(frame, targets=["carbons"], split={"test": 12, "validation": 20})
    one, other = (for_task(small(vocabulary(), length=40), data, "regression", seed=seed) for seed in (0, 1))
    found = humboldt.predict([one, other], frame, calibrate=data, level=0.8)
    assert list(found.columns) == ["graph", "carbons", "carbons_deviation", "carbons_low", "carbons_high", "problem"]
    part = found.iloc[list(data.split("validation").places)]
    truth = frame["carbons"].iloc[part.index]
    assert ((truth >= part["carbons_low"]) & (truth <= part["carbons_high"])).sum() == 17  # ceil(21 x 0.8)
    held = frame.iloc[part.index].rename(columns={"smiles": "my_smiles"})
    held.to_csv(tmp_path / "held.csv", index=False)
    again = humboldt.predict([one, other], frame, calibrate=tmp_path / "held.csv", level=0.8)
    pd.testing.assert_frame_equal(found, again)
    one.save(tmp_path / "one"), other.save(tmp_path / "other")
    frame.to_csv(tmp_path / "new.csv", index=False)
    words = [tmp_path / "one", tmp_path / "new.csv", "--ensemble", tmp_path / "other", "--calibrate",
             tmp_path / "held.csv", "--level", "0.8", "--output", tmp_path / "out.csv"]  # fmt: skip
    assert main(["predict", *map(str, words)]) == 0
    written = pd.read_csv(tmp_path / "out.csv", keep_default_na=False, na_values=[])
    pd.testing.assert_frame_equal(written, found, rtol=1e-5)


def test_what_cannot_be_calibrated():
    frame = table()
    data = open_graphs(frame, targets=["carbons"])
    model = for_task(small(vocabulary(), length=40), data, "regression")
    with pytest.raises(ConfigError, match=r"a level is a share in \(0, 1\), got 90.0; 0.9 is usual"):
        calibration([model], data, 90.0)
    with pytest.raises(DataError, match=r"hold \['carbons'\], got \['oxygen'\], without \['carbons'\]; open them with"):
        calibration([model], open_graphs(frame, targets=["oxygen"]), 0.9)
    aromatic = open_graphs(frame, targets=["carbons"], chemistry=Chemistry(bonds="aromatic"))
    with pytest.raises(DataError, match=r"as the model was taught \(.*kekule.*\), got .*aromatic.*; open the"):
        calibration([model], aromatic, 0.9)
    with pytest.raises(ValueError, match="by a model or an ensemble of them, got an empty list"):
        humboldt.predict([], frame)
    assert isinstance(data.graphs[0], Graph)
