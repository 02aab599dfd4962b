"""Published checkpoints in both layouts: exact round trips, complete lists of keys, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from humboldt.domains.graphs import (
    PUBLISHED,
    Ordering,
    SequenceBatch,
    build,
    config_from_published,
    g2pt,
    model_from_published,
    read_published,
    state_to_published,
    write_published,
)
from humboldt.foundations import CheckpointError, ConfigError
from humboldt.pretrained import from_pretrained
from tests.domains.graphs.small import small

HUB = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 16}
HUB |= {"n_positions": 60, "vocab_size": 30, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
TRAINING = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 60, "vocab_size": 30, "bias": False}


def random_state(fields: dict, hub: bool) -> dict[str, torch.Tensor]:
    config = config_from_published(fields, hub=hub)
    state = state_to_published(build(config).state_dict(), config, hub)
    return {key: torch.randn(value.shape) for key, value in state.items()}


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    folder = tmp_path / "xchen16--g2pt-qm9-small-deg"
    folder.mkdir()
    save_file(random_state(HUB, True), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(HUB))
    return folder


@pytest.fixture
def training(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    state = {f"_orig_mod.{key}": value for key, value in random_state(TRAINING, False).items()}
    state["_orig_mod.lm_head.weight"] = state["_orig_mod.transformer.wte.weight"]
    torch.save(
        {"model": state, "model_args": TRAINING, "config": {"dataset": "qm9"}, "iter_num": 3}, folder / "ckpt.pt"
    )
    return folder


def test_the_hub_layout_comes_and_goes(hub, tmp_path):
    model = from_pretrained(hub)
    assert model.config.ordering.edges == "deg"
    assert model.config.core.scales[0].down[0].activation == "gelu_tanh"
    written = write_published(model, tmp_path / "again")
    assert json.loads((written / "config.json").read_text()) == HUB
    before, after = load_file(hub / "model.safetensors"), load_file(written / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_the_training_layout_comes_and_goes(training, tmp_path):
    model = from_pretrained(training)
    assert model.provenance["loaded"]["sha256"]
    written = write_published(model, tmp_path / "again")
    before, after = (torch.load(f / "ckpt.pt", weights_only=True) for f in (training, written))
    assert after["model_args"] == TRAINING | {"dataset": "qm9"}
    assert {f"_orig_mod.{key}" for key in after["model"]} == before["model"].keys()
    assert all(torch.equal(before["model"][f"_orig_mod.{key}"], value) for key, value in after["model"].items())
    again = from_pretrained(written)
    assert again.config == model.config


def test_a_training_checkpoint_in_hub_layout_computes_the_same(training, tmp_path):
    model = from_pretrained(training)
    hub = from_pretrained(write_published(model, tmp_path / "hub", hub=True))
    ids = torch.randint(27, (2, 9))
    batch = SequenceBatch(ids, torch.ones_like(ids, dtype=torch.bool))
    torch.testing.assert_close(hub(batch).logits, model(batch).logits)


def test_our_own_format_comes_back(tmp_path):
    model = small(PUBLISHED["qm9"])
    again = from_pretrained(model.save(tmp_path))
    assert again.config == model.config
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert again.head.tied[0] is again.embed.token


def test_constant_masks_and_the_tied_head_may_be_stored(hub):
    state = load_file(hub / "model.safetensors")
    state |= {"transformer.h.0.attn.bias": torch.ones(1, 1, 4, 4), "transformer.h.0.attn.masked_bias": torch.ones(1)}
    model_from_published(HUB, state | {"lm_head.weight": state["transformer.wte.weight"]})
    with pytest.raises(CheckpointError, match=r"lm_head.weight differs"):
        model_from_published(HUB, state | {"lm_head.weight": state["transformer.wte.weight"] + 1})


def test_tensors_must_fit(hub):
    state = load_file(hub / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"unexpected \['surplus'\]"):
        model_from_published(HUB, state | {"surplus": torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"missing \['transformer.ln_f.bias'\]"):
        model_from_published(HUB | {"bias": True}, {k: v for k, v in state.items() if k != "transformer.ln_f.bias"})
    with pytest.raises(CheckpointError, match=r"transformer.wpe.weight: \(60, 16\) for \(61, 16\)"):
        model_from_published(HUB | {"n_positions": 61}, state)


def test_a_pickle_is_not_opened(training):
    torch.save({"model": {}, "model_args": Path("x")}, training / "ckpt.pt")
    with pytest.raises(CheckpointError, match="holds more than tensors and is not opened"):
        read_published(training)


def test_other_models_are_refused(hub, tmp_path):
    with pytest.raises(ConfigError, match=r"got vocab_size=50257; a model of another vocabulary needs vocabulary="):
        config_from_published(HUB | {"vocab_size": 50257}, hub=True)
    with pytest.raises(ConfigError, match=r"is one of gelu, .*, got 'relu'"):
        config_from_published(HUB | {"activation_function": "relu"}, hub=True)
    shutil.rmtree(hub)
    with pytest.raises(CheckpointError):
        from_pretrained(hub)


@pytest.mark.parametrize(
    ("vocabulary", "size", "millions"),
    [("qm9", "small", 10.67), ("moses", "small", 10.72), ("moses", "base", 85.16), ("guacamol", "large", 302.8)],
)
def test_published_sizes(vocabulary, size, millions):
    with torch.device("meta"):
        model = build(g2pt(vocabulary, size))
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=5e-4)


def test_complete_lists_of_keys():
    with torch.device("meta"):
        model = build(g2pt("moses", "small", "deg"))
    found = state_to_published(model.state_dict(), model.config)
    parts = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
    expected = {f"transformer.h.{i}.{part}.weight" for i in range(6) for part in parts}
    assert found.keys() == expected | {f"transformer.{part}.weight" for part in ("wte", "wpe", "ln_f")}
    assert found["transformer.h.0.mlp.c_fc.weight"].shape == (1536, 384)
    assert model.config.ordering == Ordering(edges="deg", numbering="random", components="first")
