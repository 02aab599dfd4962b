"""A policy's own probabilities, of drawn sequences and of all of them."""

import pytest
import torch

from humboldt.domains.graphs import Drawing, Reward, sample_sequences
from humboldt.domains.graphs.rollout import log_policy, roll_out
from humboldt.foundations import ConfigError
from tests.domains.graphs.chains import DRAWING, chains, everything, oxygens, probabilities


def test_all_sequences_have_probability_one():
    model = chains()
    every = everything(model)
    assert len(every.batch) > 30
    assert None not in every.smiles
    assert float(probabilities(model, every).sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("drawing", [DRAWING, Drawing(constrained=False)])
def test_probabilities_are_those_of_the_draw(drawing):
    model = chains()
    (drawn,) = sample_sequences(model, 20, drawing)
    chance = torch.Generator().manual_seed(0)  # that of batch 0 of seed 0
    made = roll_out(model, 20, drawing, chance)
    rows = [ids[real].tolist() for ids, real in zip(made.batch.ids, made.batch.real, strict=True)]
    assert rows == [list(one.ids) for one in drawn]
    expected = torch.tensor([one.log_probability for one in drawn])
    torch.testing.assert_close(log_policy(model, made).sum(1).detach(), expected.float(), rtol=1e-4, atol=1e-4)


def test_what_is_no_molecule_is_worth_what_is_said():
    model = chains()
    made = roll_out(model, 40, Drawing(constrained=False), torch.Generator().manual_seed(1))
    reward = Reward(oxygens)
    worth = made.worth(reward, -7.0)
    assert {float(w) for w, valid in zip(worth, made.valid, strict=True) if not valid} == {-7.0}
    expected = [oxygens(smiles) for smiles in made.smiles if smiles is not None]
    assert worth[made.valid].tolist() == expected
    assert reward.calls == len({smiles for smiles in made.smiles if smiles is not None})


def test_a_policy_learns_from_its_own_distribution_only():
    with pytest.raises(
        ConfigError, match=r"from what it draws itself, got another temperature.*leave them as they are"
    ):
        roll_out(chains(), 2, Drawing(temperature=0.5), torch.Generator())
