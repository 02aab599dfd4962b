"""Advantages by hand, and a policy that moves to a reward but not far from where it began."""

import pytest
import torch

from humboldt.domains.graphs import Reward, open_graphs
from humboldt.domains.graphs.ppo import PPO, Proximal, advantage
from humboldt.foundations import ConfigError
from tests.domains.graphs.chains import chains, everything, oxygens, probabilities


def test_advantages_by_hand():
    rewards, values = torch.tensor([[0.0, 1.0, 5.0]]), torch.tensor([[2.0, 3.0, 4.0]])
    plain = advantage(rewards, values, 1.0, 1.0)
    torch.testing.assert_close(plain, torch.tensor([[6 - 2.0, 6 - 3.0, 5 - 4.0]]))
    change = [0.5 * 3 - 2, 1 + 0.5 * 4 - 3, 5 - 4.0]
    expected = [change[0] + 0.25 * (change[1] + 0.25 * change[2]), change[1] + 0.25 * change[2], change[2]]
    torch.testing.assert_close(advantage(rewards, values, 0.5, 0.5), torch.tensor([expected]))


def expected_reward(model, every):
    worth = torch.tensor([oxygens(smiles) for smiles in every.smiles]).double()
    return float((probabilities(model, every) * worth).sum())


@pytest.mark.integration
def test_the_exact_expected_reward_rises_and_the_penalty_holds_it_back():
    start = chains()
    every = everything(start)
    found = {}
    for penalty in (0.0, 10.0):
        way = PPO(start, Proximal(batch=32, rate=1e-2, critic_rate=1e-2, penalty=penalty), seed=0)
        way.learn(Reward(oxygens), 30)
        found[penalty] = expected_reward(way.policy, every)
    before = expected_reward(start, every)
    assert found[0.0] > before + 0.5
    assert abs(found[10.0] - before) < 0.5 * (found[0.0] - before)


@pytest.mark.integration
def test_the_loss_of_pretraining_keeps_known_molecules_probable():
    start = chains()
    data = open_graphs(["CCO"], vocabulary=start.config.vocabulary)
    kept = {}
    for weight in (0.0, 1.0):
        way = PPO(start, Proximal(batch=16, rate=1e-2, pretraining=weight), data=data, seed=0)
        way.learn(Reward(lambda smiles: 0.0), 15)
        torch.manual_seed(0)
        kept[weight] = way.policy.loss(data.batch([0])).item()
    assert kept[1.0] < kept[0.0] - 0.5


def test_settings_that_make_no_sense():
    with pytest.raises(ConfigError, match=r"trace is a share in \[0, 1\], got 2"):
        Proximal(trace=2.0)
    with pytest.raises(ConfigError, match="2 sequences and 1 pass at least, got 1 and 2"):
        Proximal(batch=1)
