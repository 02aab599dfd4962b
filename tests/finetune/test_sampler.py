import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from humboldt.finetune import Mixture, World
from humboldt.finetune.sampler import Batches, Order, Passes
from humboldt.foundations import ConfigError
from tests.finetune.tiny import Waves


@given(size=st.integers(1, 30), batch_size=st.integers(1, 12), seed=st.integers(0, 99))
def test_every_pass_sees_every_sample_once(size, batch_size, seed):
    order = Order([size], [1.0], batch_size, 3 * size, seed)
    seen = [i for number in range(3 * size) for i in order[number][1]]
    for start in range(0, len(seen) - size + 1, size):
        assert sorted(seen[start : start + size]) == list(range(size))


def test_the_order_follows_the_seed_and_changes_from_pass_to_pass():
    first, again, other = (Order([20], [1.0], 20, 2, seed) for seed in (0, 0, 1))
    assert first[0] == again[0] != other[0]
    assert first[0] != first[1]


def test_a_dataset_may_say_in_which_order_it_is_read():
    class Turned(Waves):
        def pass_order(self, seed: list[int]) -> np.ndarray:
            return np.roll(np.arange(6), seed[-1])  # the last number is that of the pass

    batches = Batches(Turned(6), 3, 4, seed=0)
    assert [batches.order[n][1] for n in range(4)] == [[0, 1, 2], [3, 4, 5], [5, 0, 1], [2, 3, 4]]


def test_weights_are_shares_of_batches():
    order = Order([5, 500], [3.0, 1.0], 4, 4000, 0)
    share = sum(order[n][0] == 0 for n in range(4000)) / 4000
    assert share == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("taken", [0, 1, 7, 9])
def test_batches_go_on_from_their_state(taken):
    whole = [b.fields for b in Batches(Waves(), 5, 10, seed=3)]
    first = iter(cut := Batches(Waves(), 5, 10, seed=3))
    for _ in range(taken):
        next(first)
    rest = Batches(Waves(), 5, 10, seed=3)
    rest.load_state_dict(cut.state_dict())
    finished = max(taken - 1, 0)  # a batch counts as finished when the next one is asked for
    assert cut.state_dict() == {"position": finished}
    assert all(torch.equal(a, b.fields) for a, b in zip(whole[finished:], rest, strict=True))


def test_validation_sees_everything_once_in_order():
    part = Waves(7)
    assert [len(b) for b in Passes(Mixture([part, Waves(3)]), 4)] == [4, 3, 3]
    assert part.seen == list(range(7))


def test_validation_batches_are_shared_out_in_step_where_processes_gather_parameters():
    two = [World(rank=rank, size=2) for rank in range(2)]
    assert [len(Passes(Waves(9), 3, world=here)) for here in two] == [2, 1]
    assert [len(Passes(Waves(9), 3, world=here, in_step=True)) for here in two] == [3, 3]
    assert [len(Passes(Waves(12), 3, world=here, in_step=True)) for here in two] == [2, 2]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_worker_processes_read_the_same_batches():
    here, ahead = Batches(Waves(), 5, 6, seed=3), Batches(Waves(), 5, 6, seed=3, workers=1)
    assert all(torch.equal(a.fields, b.fields) for a, b in zip(here, ahead, strict=True))


def test_a_mixture_needs_a_positive_weight_for_each():
    with pytest.raises(ConfigError, match=r"one positive weight per dataset, got weights \[1.0\] for 2"):
        Mixture([Waves(), Waves()], [1.0])
    with pytest.raises(ConfigError, match="at least one dataset"):
        Mixture([])
