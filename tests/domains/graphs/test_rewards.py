"""Rewards are asked once, and what goes wrong is told with its molecule."""

import math
import time

import numpy as np
import pytest

from humboldt.domains.graphs import Reward, RewardError


def carbons(smiles: str) -> float:
    return float(smiles.count("C"))


def test_each_molecule_is_asked_once():
    reward = Reward(carbons)
    assert reward(["CC", "O", "CC"]).tolist() == [2, 0, 2]
    assert reward(["CC", "CCC"]).tolist() == [2, 3]
    assert reward.calls == 3


def test_expressions_of_descriptors():
    found = Reward("qed - 0.1 * abs(logp - 2.5)")(["CCO"])[0]
    assert found == pytest.approx(0.4068 - 0.1 * abs(-0.0014 - 2.5), abs=1e-3)
    assert Reward("1 if 100 < weight < 200 else rings")(["CC", "c1ccc2ccccc2c1"]).tolist() == [0, 1]
    assert Reward("atoms")(["c1ccccc1"]).tolist() == [6]


def test_penalised_logp_counts_large_rings():
    logp, sa, plogp = (Reward(text)(["C1CCCCCCC1"])[0] for text in ("logp", "sa", "plogp"))
    assert plogp == pytest.approx(logp - sa - 2)
    assert 1 <= sa < 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("qed +", r"an expression of descriptors, got 'qed \+'"),
        ("price", "descriptors are qed, logp, .* got 'price'"),
        ("().__class__", "numbers, descriptors and functions, got"),
        ("__import__('os')", "got '__import__'"),
    ],
)
def test_what_is_not_an_expression(text, said):
    with pytest.raises(RewardError, match=said):
        Reward(text)


def odd(smiles: str) -> float:
    if smiles == "stall":
        time.sleep(30)
    if smiles == "raise":
        raise ZeroDivisionError("division by zero")
    return math.nan if smiles == "nan" else 1.0


def test_rewards_that_fail():
    with pytest.raises(RewardError, match=r"finite number for every molecule, but of 'nan': got nan; correct the"):
        Reward(odd)(["C", "nan"])
    with pytest.raises(RewardError, match=r"but of 'raise': ZeroDivisionError: division by zero; correct"):
        Reward(odd)(["raise"])
    with pytest.raises(RewardError, match=r"another process can be stopped, got timeout=1.0 here; set processes=1"):
        Reward(odd, timeout=1.0)
    reward = Reward(odd, otherwise=-1.0)
    np.testing.assert_array_equal(reward(["C", "nan", "raise"]), [1, -1, -1])
    assert (reward.calls, reward.failed) == (3, 2)


def test_a_reward_that_stalls_is_ended_and_the_others_are_asked():
    reward = Reward(odd, processes=2, timeout=1.0, otherwise=0.0)
    began = time.monotonic()
    np.testing.assert_array_equal(reward(["C", "stall", "CC", "CCC"]), [1, 0, 1, 1])
    assert reward.failed == 1
    assert time.monotonic() - began < 25
