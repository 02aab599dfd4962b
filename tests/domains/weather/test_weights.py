"""Published checkpoints: read strictly, written as they were."""

import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file

import humboldt
from humboldt.domains.weather import (
    config_from_published,
    model_from_published,
    published_state,
    read_published,
    state_from_published,
    write_published,
)
from humboldt.foundations import CheckpointError
from tests.domains.weather.models import model
from tests.domains.weather.published_folder import SETTINGS, random_state, write


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def test_heads_come_before_queries_keys_and_values_in_published_projections():
    state = random_state()
    key = "encoder.lgl_block.transformers.0.attention.1.qkv_layer.weight"
    state[key] = torch.arange(48.0)[:, None].expand(48, 16).contiguous()
    ours = state_from_published(state, config_from_published(SETTINGS))["core.scales.0.down.0.attention.qkv.weight"]
    assert ours[:16, 0].tolist() == [*range(8), *range(24, 32)]  # queries of both heads, 8 rows each
    assert state[key][0, 0] == 0


@pytest.mark.parametrize("framed", [True, False])
def test_a_pt_file_is_read_and_written_back(tmp_path, framed):
    state = random_state()
    optimiser = {"optimizer_state": {"state": {0: {"exp_avg": torch.zeros(3)}}}}
    folder = write(tmp_path, {"model_state": state, **optimiser} if framed else state)
    made = humboldt.from_pretrained(folder)
    assert same(published_state(made), state)
    assert made.provenance["loaded"]["sha256"] == made.provenance["sha256"]
    again = write_published(made, tmp_path / "again")
    assert same(torch.load(again / "prithvi.wxc.2300m.v1.pt", weights_only=True)["model_state"], state)
    assert yaml.safe_load((again / "config.yaml").read_text()) == {"params": SETTINGS}


def test_a_folder_of_shards_is_read(tmp_path):
    made = read_published(write(tmp_path, random_state()))
    folder = write_published(made, tmp_path / "shards", "model.safetensors", shard=20_000)
    assert len(list(folder.glob("*.safetensors"))) > 3
    assert same(published_state(read_published(folder)), published_state(made))
    next(folder.glob("model-00002*")).unlink()
    with pytest.raises(CheckpointError, match=r"names \['model-00002-of-.*which are not there"):
        read_published(folder)


def test_a_pickle_becomes_safetensors(tmp_path):
    made = read_published(write(tmp_path, random_state()))
    folder = write_published(made, tmp_path / "safe", "model.safetensors")
    assert same(load_file(folder / "model.safetensors"), published_state(made))


def test_a_model_of_ours_survives_its_own_format(tmp_path):
    made = read_published(write(tmp_path, random_state()))
    made.save(tmp_path / "ours")
    assert same(humboldt.from_pretrained(tmp_path / "ours").state_dict(), made.state_dict())


def test_misfits_are_named(tmp_path):
    state = random_state()
    wrong = {k: v for k, v in state.items() if k != "unembed.bias"} | {"more": torch.ones(1)}
    wrong["mask_token"] = torch.ones(1, 16)
    shapes = r"of another shape \['mask_token: \(1, 16\) for \(1, 1, 1, 16\)'"
    with pytest.raises(CheckpointError, match=rf"missing \['unembed.bias'\], unexpected \['more'\], {shapes}"):
        model_from_published(SETTINGS, wrong)
    altered = state["decoder_shifter.local_mask"].clone()
    altered[0, 0, 0, 0] ^= True
    with pytest.raises(CheckpointError, match=r"decoder_shifter.local_mask follows from the size of the grid"):
        model_from_published(SETTINGS, state | {"decoder_shifter.local_mask": altered})


def test_broken_and_dangerous_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"is a pickle that holds more than tensors"):
        read_published(write(tmp_path, {"model_state": random_state(), "run": print}))
    with pytest.raises(CheckpointError, match=r"must hold a state dict of tensors"):
        read_published(write(tmp_path, [1, 2]))
    (tmp_path / "prithvi.wxc.2300m.v1.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(CheckpointError, match=r"is not a whole PyTorch file"):
        read_published(tmp_path)
    (tmp_path / "prithvi.wxc.2300m.v1.pt").unlink()
    with pytest.raises(CheckpointError, match=r"weights in a published format, .* has neither"):
        read_published(tmp_path)


def test_models_that_the_published_format_cannot_say_are_refused(tmp_path):
    from humboldt.foundations import ConfigError

    with pytest.raises(ConfigError, match=r"names the grid"):
        write_published(model(), tmp_path)
    assert not list(tmp_path.iterdir())


MEASURE = r"""
import re, sys
import humboldt
from humboldt.domains.weather import read_published
def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) * 1024
read_published(sys.argv[1])  # what a first use loads once
before = peak()
model = read_published(sys.argv[2])
sum(float(v.flatten()[::512].sum()) for v in model.state_dict().values())  # every page is there
print((peak() - before) / sum(v.nbytes for v in model.state_dict().values()))
"""


@pytest.mark.integration
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("layout", ["pt", "shards"])
def test_peak_memory_is_that_of_the_weights(tmp_path, layout):
    settings = {**SETTINGS, "embed_dim": 512, "n_blocks_encoder": 4, "mlp_multiplier": 4, "n_heads": 8}
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir(), large.mkdir()
    write(small, random_state())
    state = random_state(settings)
    write(large, {"model_state": state, "optimizer_state": {k: v.clone() for k, v in state.items()}}, settings)
    if layout == "shards":
        large = write_published(read_published(large), tmp_path / "shards", "model.safetensors", shard=40_000_000)
        small = write_published(read_published(small), tmp_path / "small_shards", "model.safetensors", shard=40_000)
    measured = subprocess.run([sys.executable, "-c", MEASURE, small, large], check=True, capture_output=True, text=True)
    assert 0.5 < float(measured.stdout) < 1.2
