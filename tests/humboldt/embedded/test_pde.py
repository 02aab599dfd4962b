"""How `humboldt/pde-nano-fine` is made of `humboldt/pde-nano`, on a handful of trajectories that are mostly noise."""

import json

import numpy as np
import pytest
import torch

import humboldt
from humboldt.domains.pde import FineConfig, pretraining, with_fine_path
from humboldt.embedded.pde import ADVICE, PDE_NANO_FINE, pretrain_pde_nano_fine

SHORT = PDE_NANO_FINE.replace(steps=2, batch_size=2, warmup=0, validation_samples=2)


@pytest.fixture(autouse=True)
def stores(monkeypatch):
    def read(family, *others):
        random = np.random.default_rng(len(family.name))
        return random.standard_normal((17, 3, len(family.slots), 64, 64)).astype(np.float16)

    monkeypatch.setattr(pretraining, "_read", read)


def test_it_begins_with_what_pde_nano_has_learned(tmp_path):
    still = SHORT.replace(core_rate=0.0, embedding_rate=0.0, norm_rate=0.0)
    model = pretrain_pde_nano_fine("stores", tmp_path, still)
    assert model.config.fine == FineConfig()
    expected = with_fine_path(humboldt.from_pretrained("humboldt/pde-nano"), seed=SHORT.seed).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_it_learns_from_pairs_of_its_own_and_is_read_back(tmp_path, monkeypatch):
    model = pretrain_pde_nano_fine("stores", tmp_path, SHORT)
    assert model.head.fine.out.weight.any()
    about = json.loads((tmp_path / "data.json").read_text())
    assert about["train"]["seed"] == SHORT.seed != humboldt.from_pretrained("humboldt/pde-nano").provenance["seed"]
    saved = humboldt.from_pretrained(tmp_path).provenance
    assert saved["advice"] == {**ADVICE, "pretrained": {**ADVICE["pretrained"], "embedding_rate": 5e-3}}
    assert saved["ancestors"][0]["model"] == "humboldt/pde-nano"
    assert saved["recipe"]["model"] == "humboldt/pde-nano-fine"
    monkeypatch.setattr(pretraining.PretrainingPairs, "batch", None)  # nothing is drawn again
    for name, value in pretrain_pde_nano_fine("stores", tmp_path, SHORT).state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
