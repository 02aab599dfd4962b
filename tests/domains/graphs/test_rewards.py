"""Rewards are asked once, and what goes wrong is told with its molecule."""

import json
import math
import os
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


def test_processes_and_times_that_are_none():
    for choices, said in (
        ({"processes": -1}, "processes=-1, timeout=None"),
        ({"processes": 1, "timeout": 0.0}, "=0.0"),
    ):
        with pytest.raises(RewardError, match=rf"0 \(here\) or more and have some time, got .*{said}; correct them"):
            Reward(carbons, **choices)


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


def test_a_closure_and_an_expression_are_asked_in_processes():
    weight = 2.0
    assert Reward(lambda smiles: weight * len(smiles), processes=2)(["C", "CC", "C"]).tolist() == [2, 4, 2]
    assert Reward("atoms", processes=2)(["CC", "CCO"]).tolist() == [2, 3]


def test_a_process_that_dies_is_told():
    reward = Reward(lambda smiles: os._exit(3) if smiles == "CC" else 1.0, processes=2)
    with pytest.raises(RewardError, match="of 'CC': its process ended with code 3; correct the function"):
        reward(["C", "CC"])


def test_many_at_once_and_the_one_that_is_to_blame():
    asked: list[list[str]] = []

    def lengths(smiles: list[str]) -> list[float]:
        asked.append(smiles)
        if "CCC" in smiles:
            raise ValueError("too long")
        return [float(len(one)) for one in smiles]

    reward = Reward(lengths, batch=2, otherwise=-1.0)
    assert reward(["C", "CC", "CCC", "CCCC", "O"]).tolist() == [1, 2, -1, 4, 1]
    assert asked == [["C", "CC"], ["CCC", "CCCC"], ["O"], ["CCC"], ["CCCC"]]
    assert (reward.calls, reward.failed) == (5, 1)
    with pytest.raises(RewardError, match="of 'C': got 3 numbers for 1 molecules"):
        Reward(lambda smiles: [0.0] * 3, batch=2)(["C", "N"])
    with pytest.raises(RewardError, match=r"a batch holds 1 molecule or more, .* got batch=0 for 'lengths'"):
        Reward(lengths, batch=0)
    with pytest.raises(RewardError, match="got batch=4 for 'qed'"):
        Reward("qed", batch=4)


def test_answers_are_kept_in_a_file(tmp_path):
    path = tmp_path / "docked" / "rewards.jsonl"
    first = Reward(odd, cache=path, otherwise=-1.0)
    first(["C", "nan", "O"])
    with path.open("a") as file:
        file.write('["CC", 1')  # the end of a run that was killed
    second = Reward(odd, cache=path, otherwise=-1.0)
    assert second.known == {"C": 1.0, "O": 1.0}
    assert second(["O", "CC", "C"]).tolist() == [1, 1, 1]
    assert second.calls == 1
    assert [json.loads(line) for line in path.read_text().splitlines()][1:] == [["C", 1.0], ["O", 1.0], ["CC", 1.0]]
    with pytest.raises(RewardError, match="those of 'odd', got 'carbons'; name another"):
        Reward(carbons, cache=path)
    path.write_text("smiles,reward\n")
    with pytest.raises(RewardError, match=r"in a file that a reward began, got .*rewards.jsonl; name another file"):
        Reward(carbons, cache=path)
