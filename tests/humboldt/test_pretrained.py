"""One verb for every checkpoint, and every way in which one is refused."""

import copy
import json
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from humboldt import pretrained
from humboldt.domains import biodiversity
from humboldt.domains.pde import Channel, FieldBatch, PDEConfig, build, scot_core, write_published
from humboldt.domains.pde.scot import poseidon
from humboldt.foundations import CheckpointError, ConfigError, HubError
from humboldt.pretrained import from_pretrained, released
from humboldt.registry import domain


@pytest.fixture(scope="module")
def model():
    core = scot_core(width=8, depths=(1, 1), heads=(2, 2), window=4, grid=4, skips=(1, 0))
    channels = (Channel(name="u", units="m s-1"),)
    model: Any = build(PDEConfig(inputs=channels, outputs=channels, core=core, patch=2))
    model.embed.normaliser.mean.fill_(3)
    return model.eval()


@pytest.fixture
def folder(model, tmp_path):
    return model.save(tmp_path / "saved")


def edited(folder, **changes):
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(record | changes))
    return folder


def test_a_saved_model_comes_back_the_same(model, folder):
    again = from_pretrained(folder)
    batch = FieldBatch(fields=torch.randn(2, 1, 8, 8), lead_time=torch.ones(2))
    assert torch.equal(again(batch).fields, model(batch).fields)
    assert again.config == model.config
    assert not again.training
    assert again.provenance["loaded"]["sha256"] == json.loads((folder / "config.json").read_text())["sha256"]


def test_a_published_folder_comes_by_the_same_verb(tmp_path):
    config = poseidon(24, 1)
    write_published(build(config), tmp_path)
    assert from_pretrained(tmp_path).config == config


def test_released_weights_without_a_configuration_are_recognised(tmp_path):
    record = {"model": {"embed_dim": 16, "depth": 1, "patch_size": 8, "num_heads": 2, "kv_heads": 1}}
    config = biodiversity.config_from_published({**record, "H": 160})
    with torch.device("meta"):
        state = biodiversity.state_to_published(biodiversity.build(config).state_dict(), config)
    save_file({k: torch.zeros(v.shape) for k, v in state.items()}, tmp_path / "bfm-pretrained-small.safetensors")
    model = from_pretrained(tmp_path)
    assert (model.domain, model.config) == ("biodiversity", config)
    assert model.embed.normaliser.std.max() > 5000


def test_the_random_twin_has_fresh_weights_and_the_same_statistics(model, folder):
    twin, again, other = (from_pretrained(folder, random=True, seed=seed).state_dict() for seed in (1, 1, 2))
    own = model.state_dict()
    for key in own:
        assert torch.equal(twin[key], again[key])
        if "qkv.weight" in key:
            assert not torch.equal(twin[key], own[key])
            assert not torch.equal(twin[key], other[key])
    assert twin["embed.normaliser.mean"].item() == 3


def test_an_embedded_model_is_found_by_name(model, tmp_path, monkeypatch):
    model.save(tmp_path / "small")
    monkeypatch.setattr(pretrained.resources, "files", lambda package: tmp_path)
    assert from_pretrained("humboldt/small").config == model.config
    with pytest.raises(
        CheckpointError, match=r"no embedded model called 'humboldt/smal'; did you mean 'humboldt/small'\?"
    ):
        from_pretrained("humboldt/smal")


def test_a_revision_that_would_be_passed_over_is_refused(folder, tmp_path):
    for name in (folder, "humboldt/pde-nano"):
        with pytest.raises(CheckpointError, match=r"one of a hub repository, got 'v2' for .*; leave it out"):
            from_pretrained(name, revision="v2")
    snapshot = tmp_path / "snapshots" / "1a2b"
    snapshot.parent.mkdir()
    folder.rename(snapshot)
    assert from_pretrained(snapshot, revision="1a2b").provenance["loaded"]["revision"] == "1a2b"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no folder and no embedded model called .*known names are"):
        from_pretrained(tmp_path / "nothing")


def test_a_name_that_the_hub_does_not_know(monkeypatch):
    def refuse(name, revision, offline, files):
        raise HubError(f"the hub has no model {name!r}")

    monkeypatch.setattr(pretrained, "download", refuse)
    with pytest.raises(HubError, match=r"did you mean 'camlab-ethz/Poseidon-T'"):
        from_pretrained("camlab-eth/poseidon-t")
    # a name that is right has no other
    with pytest.raises(HubError, match=r"^there is no folder '.*T', and the hub has no model '.*-T'$"):
        from_pretrained("camlab-ethz/Poseidon-T")


def test_another_domain_is_refused(folder):
    with pytest.raises(CheckpointError, match="is a model of the domain 'pde', not of 'weather'"):
        from_pretrained(folder, domain="weather")
    with pytest.raises(ValueError, match=r"a domain is one of .*got 'pd'; did you mean 'pde'"):
        from_pretrained(edited(folder, domain="pd"))


def test_a_configuration_of_nobody_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"layers": 3}')
    with pytest.raises(CheckpointError, match=r"neither ours nor of a published model .* it has \['layers'\]"):
        from_pretrained(tmp_path)


def test_an_unknown_key_is_refused_with_the_nearest(folder):
    config = json.loads((folder / "config.json").read_text())["config"]
    config["horizn"] = config.pop("horizon")
    with pytest.raises(ConfigError, match="has no key 'horizn'; did you mean 'horizon'"):
        from_pretrained(edited(folder, config=config))


def test_a_configuration_that_no_rule_foresaw_is_our_error(folder):
    config = json.loads((folder / "config.json").read_text())["config"]
    config["core"]["scales"][0]["width"] = -8
    with pytest.raises(CheckpointError, match=r"of which no pde model can be built .*was it altered\?"):
        from_pretrained(edited(folder, config=config))


def test_weights_that_diverged_are_refused(model, tmp_path):
    broken = copy.deepcopy(model)
    broken.embed.normaliser.std.fill_(float("nan"))
    with pytest.raises(CheckpointError, match=r"holds NaN or infinity: 1 of embed.normaliser.std \(in 1 tensors\)"):
        from_pretrained(broken.save(tmp_path / "broken"))


def test_the_first_format_loads_for_ever(root):
    folder = root / "tests" / "data" / "checkpoint_v1"
    assert json.loads((folder / "config.json").read_text())["format"] == "humboldt-1"
    fields = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)
    found = from_pretrained(folder)(FieldBatch(fields=fields, lead_time=torch.ones(1))).fields
    torch.testing.assert_close(found, load_file(folder / "expected.safetensors")["fields"])


def leaves(value, path=()):
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(leaf for key, part in parts for leaf in leaves(part, (*path, key)))]
    return [path]


@pytest.mark.integration
def test_no_other_value_in_a_configuration_is_more_than_a_refusal(folder):
    """Every value of a `config.json`, replaced by ones of every kind."""
    whole, outcomes, chance = json.loads((folder / "config.json").read_text()), {"read": 0, "refused": 0}, Random(0)
    others = [None, True, -1, 0, 3, 10**9, 1.5, float("nan"), "x", "", [], [1], {}, {"a": 1}]
    for path in leaves(whole)[1:]:
        if path == ("domain",):
            continue
        for value in chance.sample(others, 2):
            record = copy.deepcopy(whole)
            place = record
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            (folder / "config.json").write_text(json.dumps(record))
            try:
                from_pretrained(folder)
                outcomes["read"] += 1
            except (CheckpointError, ConfigError):
                outcomes["refused"] += 1
    assert outcomes["refused"] > 50
    assert outcomes["read"] > 10


def test_every_release_has_a_configuration_or_weights_that_tell_it():
    found = released()
    assert {"camlab-ethz/Poseidon-L", "BioDT/bfm-pretrained", "xchen16/g2pt-qm9-small-bfs"} <= found.keys()
    assert len(found) == 20
    assert all(name.count("/") == 1 and release.files for name, release in found.items())


@pytest.mark.parametrize("damage", ["truncated", "flipped", "pickled"])
def test_damaged_weights_are_refused(folder, damage):
    path = folder / "model.safetensors"
    whole = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        whole[-5] ^= 1
        path.write_bytes(whole)
    else:
        torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="truncated or was altered; fetch the checkpoint again"):
        from_pretrained(folder)


def test_a_pickle_where_safetensors_belong_is_refused(folder):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(1)}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"safetensors only"):
        from_pretrained(folder)


def test_domain_names():
    with pytest.raises(ValueError, match="got 'weahter'"):
        domain("weahter")
