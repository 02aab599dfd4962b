"""What balance learns is the distribution that was asked for, over all sequences."""

import pytest
import torch

from humboldt.domains.graphs import Goal, Reward
from humboldt.domains.graphs.balance import Balance, Balanced
from humboldt.domains.graphs.outcomes import OutcomeBalance
from humboldt.domains.graphs.rollout import roll_out
from humboldt.foundations import ConfigError
from tests.domains.graphs.chains import DRAWING, chains, everything, oxygens, probabilities

GOAL = Goal(name="oxygens", mean=1.0, deviation=1.0)


@pytest.mark.integration
def test_the_distribution_is_that_of_the_reward():
    start = chains()
    every = everything(start)
    worth = torch.tensor([oxygens(smiles) for smiles in every.smiles]).double()
    prior = probabilities(start, every)
    target = prior * worth.exp()
    way = Balance(start, Balanced(rate=5e-3, strength=1.0), seed=0)
    way.learn(Reward(oxygens), 100)
    found, exact = probabilities(way.policy, every), target / target.sum()
    distance, before = (float((p - exact).abs().sum()) for p in (found, prior))
    print(f"L1 to the exact distribution over {len(exact)} sequences: {before:.3f} before, {distance:.3f} after")
    assert before > 0.4
    assert distance < 0.15
    assert way.partition.constant.item() == pytest.approx(float(target.sum().log()), abs=0.3)


@pytest.mark.integration
def test_outcomes_are_reached_and_a_reward_of_them_needs_no_training():
    start = chains((GOAL,))
    every = everything(start)
    way = OutcomeBalance(start, "oxygens", Reward(oxygens), width=0.4, choices=Balanced(rate=5e-3), seed=0)
    distances = way.learn(120)
    assert sum(distances[-20:]) < 0.7 * sum(distances[:20])
    prior, counts = probabilities(start, every), torch.tensor([oxygens(smiles) for smiles in every.smiles])
    share = torch.stack([prior[counts == k].sum() for k in range(4)])
    chance = torch.Generator().manual_seed(0)
    candidates = torch.arange(4.0)
    told = way.outcomes(lambda y: (y >= 2).float(), candidates, 2000, chance)
    expected = float(share[3] / (share[2] + share[3]))
    assert set(told.tolist()) == {2.0, 3.0}
    assert float((told == 3).float().mean()) == pytest.approx(expected, abs=0.1)
    made = roll_out(way.policy, 400, DRAWING, chance, way.goals(told[:400]))
    reached = torch.tensor([oxygens(smiles) for smiles in made.smiles])
    assert float((reached >= 2).float().mean()) > 0.7
    with pytest.raises(ConfigError, match="one of the outcomes has a reward above 0, got none of"):
        way.outcomes(torch.zeros_like, candidates, 1, chance)


def test_settings_that_make_no_sense():
    with pytest.raises(ConfigError, match="2 sequences at least, got 1"):
        Balanced(batch=1)
    with pytest.raises(ConfigError, match="reached within a width, got 0"):
        OutcomeBalance(chains((GOAL,)), "oxygens", Reward(oxygens), width=0.0)
    with pytest.raises(ConfigError, match=r"told the goals \['oxygens'\], got 'logp'"):
        OutcomeBalance(chains((GOAL,)), "logp", width=1.0)
