"""Design moves what is drawn towards the reward, and says what it cost."""

import json

import pytest
import torch

from humboldt.designing import best_of, design, diversity, report
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


def test_what_a_design_refuses():
    with pytest.raises(ConfigError, match=r"keep is a share in \(0, 1\], got 0"):
        design(chains(), oxygens, keep=0.0)

    def broken(smiles: str) -> float:
        raise KeyError(smiles)

    with pytest.raises(RewardError, match="KeyError"):
        design(chains(), broken, samples=4, rounds=1)


def test_the_best_and_how_they_differ():
    assert best_of({"C": 1.0, "CC": 3.0, "CCC": 2.0}, 0.5) == ["CC", "CCC"]
    assert best_of({"C": 1.0}, 0.1) == ["C"]
    assert diversity(["CCO", "CCO"]) == 0
    assert diversity(["CCO", "c1ccccc1"]) == 1
