"""Published checkpoints: exact round trips, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from humboldt.domains.biodiversity import (
    bioanalyst_small,
    build,
    config_from_published,
    published_record,
    read_published,
    state_to_published,
    write_published,
)
from humboldt.domains.biodiversity.published import record_of_weights
from humboldt.domains.biodiversity.weights import biocube_scaling
from humboldt.foundations import CheckpointError, ConfigError
from tests.domains.biodiversity.small_bioanalyst import months, published, small

ADAPTERS = {"peft_r": 2, "peft_steps": 2, "peft_mode": "all"}


def written(folder: Path, fields: dict, **changes: torch.Tensor) -> Path:
    """A folder in the published layout with random weights."""
    config = config_from_published(fields)
    state = state_to_published(build(config).state_dict(), config)
    folder.mkdir(exist_ok=True)
    state = {k: torch.randn_like(v) for k, v in state.items()} | changes
    for key in [k for k in state if "_latent_parameter_list" in k]:
        names = [k for k in state if k.startswith("encoder.") and k.endswith("_latents")]
        state[key] = state[names[int(key.rpartition(".")[2])]].clone()
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(fields))
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"backbone_type": "mvit", "num_latent_tokens": 12},
        {"use_lora": True, **ADAPTERS},
        {"use_vera": True, **ADAPTERS},
        {"swin_qkv_bias": False},
    ],
)
def test_reading_and_writing_changes_nothing(tmp_path, changes):
    folder = written(tmp_path / "a", published(**changes))
    again = write_published(read_published(folder), tmp_path / "b")
    assert json.loads((again / "config.json").read_text()) == published(**changes)
    before, after = load_file(folder / "model.safetensors"), load_file(again / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_adapters_without_their_matrices_are_read_alike_each_time(tmp_path):
    folder = written(tmp_path, published(use_vera=True, **ADAPTERS))
    batch = months(config_from_published(published()))
    one, two = read_published(folder).eval(), read_published(folder).eval()
    assert torch.equal(one(batch).fields, two(batch).fields)


def test_released_weights_have_no_configuration_beside_them():
    with torch.device("meta"):
        model = build(bioanalyst_small("published"))
        shapes = {k: tuple(v.shape) for k, v in state_to_published(model.state_dict(), model.config).items()}
    record = record_of_weights(shapes)
    assert record is not None
    assert config_from_published(record) == bioanalyst_small("published")
    assert record_of_weights({"weight": (1,)}) is None


def test_a_folder_of_other_weights_is_nobodys(tmp_path):
    save_file({"weight": torch.zeros(1)}, tmp_path / "some.safetensors")
    assert published_record(tmp_path) is None
    with pytest.raises(CheckpointError, match="does not hold a published BioAnalyst model"):
        read_published(tmp_path)


def test_the_released_models_take_physical_units():
    config = bioanalyst_small("published")
    low, width = biocube_scaling(config)
    first = config.slices()
    assert low[first["surface"].start].item() == pytest.approx(245.8759765625)  # t2m
    assert width[first["species"].stop - 1].item() == 5050
    assert (biocube_scaling(small())[1] == 1).all()


def test_tensors_must_fit_in_name_and_shape(tmp_path):
    with pytest.raises(CheckpointError, match=r"unexpected \['surplus'\]"):
        read_published(written(tmp_path, published(), surplus=torch.zeros(1)))
    with pytest.raises(CheckpointError, match=r"decoder.pos_embed.bias: \(2,\) for \(8,\)"):
        read_published(written(tmp_path, published(), **{"decoder.pos_embed.bias": torch.zeros(2)}))


def test_what_the_format_cannot_say_is_named(tmp_path):
    with pytest.raises(ConfigError, match="published behaviour only and cannot say core, behaviour of this model"):
        write_published(build(small()), tmp_path / "out")
    model = read_published(written(tmp_path / "a", published()))
    model.embed.normaliser.mean.fill_(2)
    with pytest.raises(CheckpointError, match="no place for normalisation statistics"):
        write_published(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone_type": "cnn"}, "backbone_type of a published model is 'swin' or 'mvit', got 'cnn'"),
        ({"patch_size": 5}, "the patch divides the grid"),
        ({"kv_heads": 3}, "got heads=2 and groups=3"),
    ],
)
def test_what_published_models_do_not_have_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        config_from_published(published(**changes))
