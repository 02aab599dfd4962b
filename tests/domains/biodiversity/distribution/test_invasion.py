import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import arrival_times, detection_ranking
from tests.domains.biodiversity.distribution.small import maps


def test_a_front_moves_with_speed_times_suitability() -> None:
    suitability = np.full((1, 11), 0.5)
    occupied = np.zeros((1, 11), bool)
    occupied[0, 0] = True
    one = maps(np.repeat(suitability, 3, axis=0), step=2.0)["suitability"][0]
    years = arrival_times(one, np.repeat(occupied, 3, axis=0), speed=4.0)
    assert years[1].values.tolist() == pytest.approx((np.arange(11) * 2 / 2).tolist())
    assert years.attrs["units"] == "years"


def test_a_front_goes_round_barriers_and_never_through() -> None:
    suitability = np.ones((9, 9))
    suitability[:8, 4] = 0.0
    occupied = np.zeros((9, 9), bool)
    occupied[0, 0] = True
    years = arrival_times(maps(suitability)["suitability"][0], occupied, speed=1.0)
    assert np.isnan(years.values[:8, 4]).all()
    assert years.values[0, 8] > 14 > years.values[8, 8] > 8
    suitability[:, 4] = np.nan
    closed = arrival_times(maps(suitability)["suitability"][0], occupied, speed=1.0)
    assert np.isnan(closed.values[:, 5:]).all()


def test_a_front_needs_somewhere_to_start_and_a_speed() -> None:
    one = maps(np.ones((4, 4)))["suitability"][0]
    with pytest.raises(DataError, match="got 0 occupied cells and a speed of 1"):
        arrival_times(one, np.zeros((4, 4), bool), speed=1.0)
    with pytest.raises(DataError, match=r"one species on \(y, x\), got \('species', 'y', 'x'\); choose one"):
        arrival_times(maps(np.ones((4, 4)))["suitability"], np.ones((4, 4), bool), speed=1.0)
    with pytest.raises(DataError, match=r"grid of the map \(4, 4\), got \(3, 4\)"):
        arrival_times(one, np.ones((3, 4), bool), speed=1.0)


def test_suitable_near_and_unsearched_cells_are_looked_at_first() -> None:
    suitability = np.full((5, 5), 0.2)
    suitability[0, 0], suitability[4, 4], suitability[2, 2] = 0.9, 0.9, 0.8
    occupied = np.zeros((5, 5), bool)
    occupied[4, 3] = True
    first = detection_ranking(maps(suitability), number=3)
    assert list(zip(first["x"], first["y"], strict=True)) == [(0, 4), (4, 0), (2, 2)]
    near = detection_ranking(maps(suitability), occupied=occupied, reach=1.0, number=2)
    assert (near["x"][0], near["y"][0]) == (4, 0)
    assert near["priority"][0] == pytest.approx(0.9 * np.exp(-1))
    effort = np.zeros((5, 5))
    effort[4, 4] = 0.9
    assert detection_ranking(maps(suitability), effort=effort, number=2)["x"].tolist() == [0, 2]


def test_cells_lie_apart_and_occupied_ones_are_not_listed() -> None:
    random = np.random.default_rng(0)
    suitability, occupied = random.random((20, 20)), random.random((20, 20)) < 0.3
    found = detection_ranking(maps(suitability), occupied=occupied, number=12, apart=4.0)
    x, y = found["x"].to_numpy(), found["y"].to_numpy()
    distance = np.hypot(x[:, None] - x, y[:, None] - y)[~np.eye(len(x), dtype=bool)]
    assert len(found) == 12
    assert distance.min() > 4
    assert not occupied[(19 - y).astype(int), x.astype(int)].any()
    assert (np.diff(found["priority"]) <= 0).all()


def test_effort_is_a_chance() -> None:
    with pytest.raises(DataError, match="effort is a chance from 0 to 1, got 0 to 3"):
        detection_ranking(maps(np.ones((2, 2))), effort=np.array([[0, 1], [3, 0]]))
    with pytest.raises(DataError, match="a reach is that from occupied cells"):
        detection_ranking(maps(np.ones((2, 2))), reach=1.0)
