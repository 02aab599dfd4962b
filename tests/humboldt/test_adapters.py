import copy
import json
import traceback
from typing import Any

import pytest
import torch

from humboldt import from_pretrained, load_adapter, push_adapter, save_adapter
from humboldt.adapter_card import adapter_card
from humboldt.adapting import finetune
from humboldt.commands.info import line, methods
from humboldt.domains.pde import Channel
from humboldt.finetune import METHODS, disabled, put_adapter, read_adapter, set_adapters
from humboldt.foundations import CheckpointError, ConfigError, HubError, write_tensors
from humboldt.licence import LicenceError
from humboldt.registry import domain
from tests.finetune.tiny import Waves, tiny_model
from tests.foundations.hub_server import TOKEN, point_to, serving
from tests.foundations.test_tensor_file import fuzzed
from tests.humboldt.test_adapting import VELOCITY, Trajectories

QUICK = {"steps": 2, "batch_size": 4, "progress": False}


def fields(model):
    with torch.no_grad():
        return model.eval()(Waves().all()).fields


@pytest.mark.parametrize("method", ["hydra", "conv", "head"])
def test_a_run_folder_holds_an_adapter_of_its_base(method, tmp_path):
    base = tiny_model()
    tuned = finetune(base, Trajectories(3), method=method, output=tmp_path, **QUICK)
    loaded = load_adapter(base, tmp_path)
    torch.testing.assert_close(fields(loaded), fields(tuned), rtol=1e-5, atol=1e-6)
    assert (tmp_path / "adapter.safetensors").stat().st_size < (tmp_path / "model.safetensors").stat().st_size
    other = copy.deepcopy(base)
    with torch.no_grad():
        other.core.scales[0].down[0].attention.out.weight.add_(1)
    with pytest.raises(CheckpointError, match=r"weights that it was trained on .* load that base, or force it"):
        load_adapter(other, tmp_path)
    assert not torch.equal(fields(load_adapter(other, tmp_path, force=True)), fields(loaded))


def test_what_cannot_be_merged_is_saved_and_read_with_its_adapter(tmp_path):
    tuned = finetune(tiny_model(), Trajectories(3), method="bottleneck", output=tmp_path, **QUICK)
    assert list(tuned.adapted) == ["default"]
    again = from_pretrained(tmp_path)
    assert torch.equal(fields(again), fields(tuned))
    with disabled(again):
        assert not torch.equal(fields(again), fields(tuned))
    finished = finetune(tiny_model(), Trajectories(3), method="bottleneck", output=tmp_path, **QUICK)
    assert torch.equal(fields(finished), fields(tuned))
    save_adapter(again, tmp_path / "alone", base="tiny")
    assert json.loads((tmp_path / "alone" / "adapter.json").read_text())["base"]["name"] == "tiny"
    assert torch.equal(fields(load_adapter(tiny_model(), tmp_path / "alone", name="mine")), fields(tuned))


def test_what_is_refused_says_why(tmp_path):
    merged = finetune(tiny_model(), Trajectories(3), method="nlt", output=tmp_path, **QUICK)
    with pytest.raises(ConfigError, match="holds the one adapter called default, got a model with"):
        save_adapter(merged, tmp_path / "none")
    with pytest.raises(ConfigError, match=r"was made for the plain model, got one with \['default'\]"):
        load_adapter(load_adapter(tiny_model(), tmp_path), tmp_path, name="second")
    path = tmp_path / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(CheckpointError, match=r"has SHA-256 .* the file is truncated or was altered"):
        load_adapter(tiny_model(), tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"has no adapter\.safetensors"):
        load_adapter(tiny_model(), tmp_path)


class Salty(Trajectories):
    """Waves of three channels, of which the model does not know one."""

    def __init__(self, count=3, seed=0):
        super().__init__(count, seed, (*VELOCITY, Channel(name="salt", units="g/kg")), std=7.0)
        self.fields = torch.cat([self.fields, self.fields.mean(1, keepdim=True)], 1)

    def split(self, name):
        return Salty(self.count, seed=1)


def test_an_adapter_for_other_channels_fits_the_base_if_its_file_has_their_weights(tmp_path):
    base, data = tiny_model(), Salty()
    tuned = finetune(base, data, method="nlt", output=tmp_path / "whole", **QUICK).eval()
    loaded = load_adapter(base, tmp_path / "whole")
    with torch.no_grad():
        torch.testing.assert_close(loaded(data.all()).fields, tuned(data.all()).fields, rtol=1e-5, atol=1e-5)
    finetune(base, data, method={"name": "nlt", "whole": []}, output=tmp_path / "alone", **QUICK)
    cure = r"a base without its \['embed\.patches.*domain\('pde'\)\.fitted\(model, train, task\)"
    with pytest.raises(CheckpointError, match=cure):
        load_adapter(base, tmp_path / "alone")
    load_adapter(domain("pde").fitted(base, data.split("train"), "forecast"), tmp_path / "alone")


def test_an_adapter_of_another_science_is_refused(tmp_path):
    finetune(tiny_model(), Trajectories(3), method="nlt", output=tmp_path, **QUICK)
    with pytest.raises(CheckpointError, match="got one of pde for a weather model; load a pde model"):
        load_adapter("humboldt/weather-nano", tmp_path)


def test_two_adapters_that_leave_embedding_and_head_alone_are_loaded_side_by_side(tmp_path):
    base, alone = tiny_model(), {}
    for name in ("nlt", "bottleneck"):
        finetune(base, Trajectories(3), method={"name": name, "whole": []}, output=tmp_path / name, **QUICK)
        alone[name] = fields(load_adapter(base, tmp_path / name))
    inner = load_adapter(base, tmp_path / "nlt", name="nlt")
    both = load_adapter(inner, tmp_path / "bottleneck", name="bottleneck")
    together = fields(both)
    for name, expected in alone.items():
        set_adapters(both, name)
        assert torch.equal(fields(both), expected)
        assert not torch.equal(together, expected)


def test_an_adapter_takes_the_place_of_another_without_wrapping_the_model_again(tmp_path):
    base = tiny_model()
    for seed in (0, 1):
        finetune(base, Trajectories(3), method="hydra", seed=seed, output=tmp_path / str(seed), **QUICK)
    made = load_adapter(base, tmp_path / "0")
    parts, before = [id(part) for part in made.modules()], fields(made)
    put_adapter(made, *read_adapter(tmp_path / "1"))
    assert [id(part) for part in made.modules()] == parts
    assert torch.equal(fields(made), fields(load_adapter(base, tmp_path / "1")))
    assert not torch.equal(fields(made), before)


def test_files_and_names_that_are_none_are_refused(tmp_path):
    finetune(tiny_model(), Trajectories(3), method={"name": "nlt", "whole": []}, output=tmp_path, **QUICK)
    with pytest.raises(ConfigError, match=r"a name of letters, digits and _, got 'v1.0'; give name='europe'"):
        load_adapter(tiny_model(), tmp_path, name="v1.0")
    with pytest.raises(HubError, match="is no folder either"):
        load_adapter(tiny_model(), tmp_path / "deep" / "er", offline=True)
    for text, said in (
        ("{no", "must be JSON"),
        ("[1]", "must be a JSON object, got list"),
        ('{"format": 1, "format": 2}', "names 'format' twice"),
        ("{}", "has the format humboldt-"),
    ):
        (tmp_path / "adapter.json").write_text(text)
        with pytest.raises(CheckpointError, match=said):
            load_adapter(tiny_model(), tmp_path)


def test_the_table_of_methods_says_what_each_is():
    rows = {row["name"]: row for row in methods()}
    assert set(rows) == set(METHODS)
    assert rows["hydra"]["mergeable"] is True
    assert rows["conv"]["kind"] == "features"
    assert rows["lora"]["options"]["rank"] == 8
    assert all(row["about"] and (row["source"] or row["name"] in ("full", "head")) for row in rows.values())
    assert "arXiv 2309.06922" in line(rows["hydra"])


def test_a_model_with_a_bank_is_read_with_the_folders_of_its_members(tmp_path):
    base = tiny_model()
    for name in ("a", "b"):
        finetune(base, Trajectories(3), method="bottleneck", output=tmp_path / name, **QUICK)
    way = {"name": "bank", "members": [str(tmp_path / name) for name in "ab"], "weights": "router"}
    tuned = finetune(base, Trajectories(3), method=way, output=tmp_path / "bank", **QUICK)
    assert torch.equal(fields(from_pretrained(tmp_path / "bank")), fields(tuned))
    assert torch.equal(fields(load_adapter(base, tmp_path / "bank")), fields(tuned))


def test_samples_may_come_with_notes():
    rows = torch.arange(1000)
    data = Trajectories(3)
    parts = {name: {"task": rows[: len(data.split(name))] % 2} for name in ("train",)}
    tuned = finetune(tiny_model(), data, method={"name": "poly", "tasks": 2, "rank": 2}, notes=parts, **QUICK)
    with tuned.context.at(task=1):
        assert fields(tuned).isfinite().all()
    with pytest.raises(ConfigError, match="there is a row of task for every sample"):
        finetune(tiny_model(), data, method="poly", notes={"train": {"task": rows}}, **QUICK)
    with pytest.raises(ConfigError, match=r"parts train and validation, got \['trian'\]; name the part"):
        finetune(tiny_model(), data, method="nlt", notes={"trian": {"task": rows}}, **QUICK)


def test_an_adapter_goes_to_the_hub_by_itself_and_comes_back_for_its_base(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    base = tiny_model()
    tuned = finetune(base, Trajectories(3), method="hydra", output=tmp_path / "run", **QUICK)
    with serving() as hub:
        point_to(hub, tmp_path, monkeypatch)
        with pytest.raises(LicenceError, match="those of the training data are not known"):
            push_adapter(tmp_path / "run", "me/adapter")
        commit = push_adapter(tmp_path / "run", "me/adapter", licences={"levels": "CC-BY-SA-4.0"})
        files = hub.repositories["me/adapter"]
        assert files.keys() - {".gitattributes"} == {"adapter.json", "adapter.safetensors", "README.md"}
        told = files["README.md"].decode()
        assert "license: cc-by-sa-4.0\n" in told
        assert all(part.partition("\n")[2].strip() for part in told.split("\n## ")[1:])
        loaded = load_adapter(base, "me/adapter", revision=commit)
        assert loaded.provenance["adapters"] == [{"model": "me/adapter", "revision": commit}]
        torch.testing.assert_close(fields(loaded), fields(tuned), rtol=1e-5, atol=1e-6)
        other = copy.deepcopy(base)
        with torch.no_grad():
            other.core.scales[0].down[0].attention.out.weight.add_(1)
        with pytest.raises(CheckpointError, match=r"weights that it was trained on .* load that base, or force it"):
            load_adapter(other, "me/adapter")
        with pytest.raises(CheckpointError, match=r"an adapter folder holds adapter.json and adapter.safetensors"):
            push_adapter(tmp_path, "me/none")
        hub.read_only = True
        with pytest.raises(HubError, match=r"(?s)me/adapter was not .*no rights with Bearer \*\*\*") as refused:
            push_adapter(tmp_path / "run", "me/adapter", licences={"levels": "CC-BY-SA-4.0"})
        assert TOKEN not in "".join(traceback.format_exception(refused.value))


def test_an_adapter_without_the_record_of_its_run_goes_up_under_terms_that_are_said(tmp_path):
    tuned = finetune(tiny_model(), Trajectories(3), method="hydra", keep_adapter=True, **QUICK)
    save_adapter(tuned, tmp_path / "bare")
    with pytest.raises(LicenceError, match=r"no record of a run; say licences=.* or push the run folder"):
        push_adapter(tmp_path / "bare", "me/adapter")
    record, _ = read_adapter(tmp_path / "bare")
    text = adapter_card(record, tmp_path / "bare", "me/adapter", {"levels": "ODbL-1.0"}, None)
    assert "license: odbl-1.0" in text
    assert "Its run is not recorded." in text


def test_no_mutation_of_an_adapter_is_more_than_a_refusal(tmp_path):
    base = tiny_model()
    finetune(base, Trajectories(3), method={"name": "nlt", "whole": []}, output=tmp_path, **QUICK)
    for name in ("adapter.json", "adapter.safetensors"):
        outcomes = fuzzed(tmp_path / name, lambda: read_adapter(tmp_path), 250, 5)
        assert outcomes["refused"] > 100
    record = json.loads((tmp_path / "adapter.json").read_text())
    for key in ("config", "method", "base", "sha256"):
        odd: tuple[Any, ...] = (None, 1, "x", [], {})
        for value in odd:
            if (key, value) in (("config", {}), ("sha256", "x")):
                continue
            (tmp_path / "adapter.json").write_text(json.dumps(record | {key: value}))
            with pytest.raises(CheckpointError, match="has the format humboldt-"):
                read_adapter(tmp_path)


def test_an_adapter_of_numbers_that_are_none_or_from_elsewhere_is_refused(tmp_path):
    folder = tmp_path / "run"
    finetune(tiny_model(), Trajectories(3), method={"name": "nlt", "whole": []}, output=folder, **QUICK)
    record, state = read_adapter(folder)
    name = next(key for key, value in state.items() if value.is_floating_point())
    state = {key: value.clone() for key, value in state.items()}  # the file that is written again is mapped no more
    sha256 = write_tensors({**state, name: torch.full_like(state[name], torch.nan)}, folder / "adapter.safetensors")
    (folder / "adapter.json").write_text(json.dumps(record | {"sha256": sha256}))
    with pytest.raises(CheckpointError, match=r"weights are finite numbers, but .* holds NaN or infinity"):
        load_adapter(tiny_model(), folder)
    (folder / "adapter.safetensors").rename(tmp_path / "elsewhere")
    (folder / "adapter.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="keeps its files in its own folder"):
        load_adapter(tiny_model(), folder)
