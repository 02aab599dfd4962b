"""Design moves what is drawn towards the reward, and says what it cost."""

import json

import pytest
import torch

from humboldt.cli import main
from humboldt.design_methods import best_of
from humboldt.designing import design, report
from humboldt.domains.graphs import GraphConfig, Reward, RewardError, Vocabulary, build, decoder_core
from humboldt.domains.graphs.vocabulary import Chemistry
from humboldt.foundations import ConfigError, Model


def chains() -> Model:
    """Fresh weights: any short molecule of carbon and oxygen."""
    vocabulary = Vocabulary(
        name="few", indices=8, nodes=("C", "O"), edges=("SINGLE",), spelling="growth", chemistry=Chemistry()
    )
    torch.manual_seed(0)
    core = decoder_core(layers=1, heads=2, width=16)
    return build(GraphConfig(vocabulary=vocabulary, core=core, length=16, rows=len(vocabulary)))


def oxygens(smiles: str) -> float:
    return smiles.count("O") / len(smiles)


def test_a_design_raises_the_mean_reward(tmp_path):
    reward = Reward(oxygens)
    rates = {"steps": 25, "core_rate": 1e-2, "embedding_rate": 1e-2, "norm_rate": 1e-2, "progress": False}
    tuned, history = design(chains(), reward, rounds=2, samples=128, output=tmp_path, **rates)
    assert history[-1].mean > history[0].mean + 0.05
    assert all(row.valid == 1 for row in history)
    assert history[-1].calls == reward.calls == len(reward.known)
    assert history[0].threshold is not None
    assert history[1].threshold >= history[0].threshold
    assert len(json.loads((tmp_path / "design.json").read_text())["rounds"]) == 3
    assert (tmp_path / "model.safetensors").is_file()
    assert "calls" in report(history)
    assert tuned.config.readout is None


@pytest.mark.parametrize(
    ("method", "choices"),
    [("ppo", {"rate": 1e-2, "critic_rate": 1e-2, "batch": 32}), ("balance", {"rate": 1e-2, "strength": 10.0})],
)
def test_policies_are_measured_in_the_same_way(method, choices):
    reward = Reward(oxygens)
    tuned, history = design(chains(), reward, method=method, rounds=1, samples=128, steps=15, progress=False, **choices)
    assert history[-1].mean > history[0].mean + 0.03
    assert history[0].calls < history[1].calls == reward.calls
    assert (history[0].threshold, history[0].kept) == (None, 0)
    assert tuned.provenance["recipe"]["method"] == method


def test_what_a_design_refuses():
    with pytest.raises(ConfigError, match="methods of design are rejection, ppo, balance, got 'pso'"):
        design(chains(), oxygens, method="pso")
    with pytest.raises(ConfigError, match="a round has 1 step at least, got 0"):
        design(chains(), oxygens, method="ppo", steps=0)
    with pytest.raises(ConfigError, match="penalti"):
        design(chains(), oxygens, method="ppo", penalti=1.0)
    with pytest.raises(ConfigError, match=r"keep is a share in \(0, 1\], got 0"):
        design(chains(), oxygens, keep=0.0)

    def broken(smiles: str) -> float:
        raise KeyError(smiles)

    with pytest.raises(RewardError, match="KeyError"):
        design(chains(), broken, samples=4, rounds=1)


def test_a_function_of_a_file_in_processes_with_a_cache(tmp_path, capsys):
    chains().save(tmp_path / "model")
    (tmp_path / "dock.py").write_text("def score(smiles):\n    return smiles.count('O') if smiles != 'C' else 1 / 0\n")
    asking = [
        "--processes",
        "2",
        "--timeout",
        "30",
        "--otherwise",
        "-1",
        "--rounds",
        "1",
        "--samples",
        "16",
        "--steps",
        "2",
    ]
    cache = ["--cache", str(tmp_path / "docked.jsonl")]
    words = ["design", str(tmp_path / "model"), f"{tmp_path}/dock.py:score", *asking, *cache]
    assert main([*words, "--output", str(tmp_path / "first")]) == 0
    kept = (tmp_path / "docked.jsonl").read_text()
    assert json.loads(kept.splitlines()[0]) == {"reward": "score"}
    assert main([*words, "--output", str(tmp_path / "second")]) == 0
    first, second = (
        json.loads((tmp_path / name / "design.json").read_text())["rounds"] for name in ("first", "second")
    )
    assert [row["mean"] for row in first] == [row["mean"] for row in second]
    assert first[-1]["calls"] > second[-1]["calls"]
    words[2] = f"{tmp_path}/dock.py:dock"
    assert main([*words, "--output", str(tmp_path / "third")]) == 2
    assert "a function of a SMILES, got no function 'dock' in" in capsys.readouterr().err
    words[2] = f"{tmp_path}/docks.py:score"
    assert main([*words, "--output", str(tmp_path / "third")]) == 2
    assert "docks.py, which is not there; check the path" in capsys.readouterr().err


def test_the_best():
    assert best_of({"C": 1.0, "CC": 3.0, "CCC": 2.0}, 0.5) == ["CC", "CCC"]
    assert best_of({"C": 1.0}, 0.1) == ["C"]
