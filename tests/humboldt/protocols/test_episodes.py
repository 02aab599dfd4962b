from dataclasses import dataclass

import pytest

from humboldt.protocols.episodes import episodes
from humboldt.protocols.states import ProtocolError
from humboldt.view import Chosen


@dataclass(frozen=True)
class Units:
    """A part of so many units."""

    items: tuple[int, ...]
    fingerprint: str = "abc"

    @property
    def units(self) -> int:
        return len(self.items)

    def choose(self, units):
        return Units(tuple(self.items[u] for u in units))

    def split(self, name):
        return self

    def __len__(self):
        return len(self.items)


TRAIN = Units(tuple(range(100, 130)))


def test_episodes_are_fixed_by_seed_and_data():
    first, again = (episodes(TRAIN, sizes=(4, 16), count=3) for _ in range(2))
    assert first == again
    assert len({e.hash for e in first}) == 6
    other = episodes(TRAIN, sizes=(4, 16), count=3, seed=1)
    assert not {e.hash for e in other} & {e.hash for e in first}
    changed = episodes(Units(TRAIN.items, "abd"), sizes=(4,), count=1)
    assert changed[0].units == first[0].units
    assert changed[0].hash != first[0].hash


def test_an_episode_has_different_units_and_the_small_begin_the_large():
    small, large = episodes(TRAIN, sizes=(4, 16), count=1)
    assert len(set(large.units)) == 16
    assert large.units[:4] == small.units
    assert small.of(TRAIN).items == tuple(100 + u for u in small.units)


def test_too_large_an_episode_is_refused_or_left_out():
    with pytest.raises(ProtocolError, match=r"has 30 units, got a wish for \[100\]"):
        episodes(TRAIN)
    assert {e.size for e in episodes(TRAIN, skip=True)} == {4, 16}
    with pytest.raises(ProtocolError, match="which int cannot; give it `units`"):
        episodes(3)


def test_only_the_training_part_is_the_episode():
    (episode,) = episodes(TRAIN, sizes=(4,), count=1)
    data = Chosen(TRAIN, episode)
    assert len(data.split("train")) == 4
    assert len(data.split("test")) == 30
