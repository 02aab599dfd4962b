import json
import logging
from typing import Any

import pytest
import torch

import humboldt
from humboldt.adapting import finetune, plan_finetune, prepare, pretrain
from humboldt.domains.pde import Channel, build
from humboldt.finetune import Recipe
from humboldt.foundations import ConfigError, to_dict
from tests.domains.pde.decay import decay_config, decay_trajectories
from tests.finetune.tiny import Waves, tiny_model

VELOCITY = tuple(Channel(name=f"velocity_{axis}", group="velocity") for axis in "xy")


class Trajectories(Waves):
    """The fake waves with what a dataset of trajectories can say."""

    time_units = "1"

    def __init__(self, count=12, seed=0, channels=VELOCITY, std=1.0, longest=1.0):
        super().__init__(count, seed)
        self.channels = self.outputs = channels
        self.std, self.longest, self.order = std, longest, None

    def lead_times(self):
        return [self.longest / 2, self.longest]

    def statistics(self):
        return {c.name: (0.5, self.std) for c in self.channels}

    def split(self, name):
        if name == "validation" and self.count < 4:
            raise ValueError("the validation part shares no trajectory with this part")
        return Trajectories(self.count, {"train": 0, "validation": 1}[name], self.channels, self.std, self.longest)

    def take(self, count):
        if count > self.count:
            raise ValueError(f"this train part has {self.count} trajectories, got {count}; take 1 to {self.count}")
        return Trajectories(count, self.seed, self.channels, self.std, self.longest)

    def arranged(self, channels, outputs):
        self.order = [c.name for c in channels]
        return self


QUICK: dict[str, Any] = {"steps": 3, "batch_size": 4, "progress": False}


def test_finetune_takes_words_and_returns_a_tuned_copy(tmp_path):
    model = tiny_model()
    tuned = finetune(model, Trajectories(), method="lora", samples=5, seed=3, output=tmp_path, **QUICK)
    assert tuned.provenance["recipe"]["seed"] == 3
    assert tuned.provenance["recipe"]["samples"] == 5
    assert tuned.provenance["data"]["train"]["samples"] == 5
    assert tuned.provenance["recipe"]["method"]["name"] == "lora"
    assert not torch.equal(tuned.head.mix.weight, model.head.mix.weight)
    assert json.loads((tmp_path / "data.json").read_text())["validation"]["samples"] == 12


def test_data_without_a_validation_part_train_to_the_end():
    assert "validation" not in finetune(tiny_model(), Trajectories(3), **QUICK).provenance["data"]


def test_a_method_may_carry_its_options():
    plan = plan_finetune(tiny_model(), Trajectories(), method={"name": "lora", "rank": 1, "whole": []}, steps=3)
    assert plan["method"]["rank"] == 1
    maps = [m for m in tiny_model().core.modules() if isinstance(m, torch.nn.Linear)]
    assert 0 < plan["trained parameters"] < sum(m.weight.numel() for m in maps)


def test_words_that_are_no_recipe_are_options_of_the_method():
    found = finetune(tiny_model(), Trajectories(), method="hydra", rank=4, **QUICK).provenance["recipe"]
    assert (found["method"]["name"], found["method"]["rank"], found["steps"]) == ("hydra", 4, 3)
    way = {"name": "cma", "spread": 0.2}
    both = plan_finetune(tiny_model(), Trajectories(), method=way, seed=5, directions=4, steps=2)["method"]
    assert (both["directions"], both["spread"], both["seed"]) == (4, 0.2, 0)  # a word of both is the run's
    with pytest.raises(ConfigError, match="no key 'rnk'; did you mean 'rank'"):
        finetune(tiny_model(), "nowhere.zarr", method="hydra", rnk=4)
    with pytest.raises(ConfigError, match="no key 'stesp'; did you mean 'steps'"):
        finetune(tiny_model(), "nowhere.zarr", method="hydra", stesp=4)
    with pytest.raises(ConfigError, match="no key 'rank'"):
        finetune(tiny_model(), "nowhere.zarr", method="head", rank=4)


def test_the_plan_says_what_would_happen_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny_model()
    plan = plan_finetune(model, Trajectories(), steps=100, batch_size=6, method="head", output=str(tmp_path / "run"))
    assert plan["steps"] == 100
    assert plan["passes over the data"] == 50
    assert plan["trained parameters"] == sum(p.numel() for p in model.head.parameters())
    assert plan["parameters"] == sum(p.numel() for p in model.parameters())
    assert plan["train"]["samples"] == 12
    assert plan["seconds"] == pytest.approx(100 * plan["seconds per step"], rel=0.01, abs=0.06)
    assert plan["memory_megabytes"] > 1
    assert not list(tmp_path.iterdir())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), tiny_model().parameters(), strict=True))


def test_data_like_the_models_own_leave_it_as_it_is(caplog):
    model = tiny_model()
    with caplog.at_level(logging.INFO):
        tuned = finetune(model, Trajectories(std=2.9, longest=1.4), **QUICK)
    assert torch.equal(tuned.embed.normaliser.std, model.embed.normaliser.std)
    assert tuned.config == model.config
    assert "masked: none" in caplog.text
    assert "within a factor 3" in caplog.text
    assert "horizon: 1 1 is kept" in caplog.text


def test_data_of_another_scale_and_reach_refit_statistics_and_horizon(caplog):
    model = tiny_model()
    with caplog.at_level(logging.INFO):
        tuned = finetune(model, Trajectories(std=3.1, longest=1.6), **QUICK)
    for part in (tuned.embed, tuned.head):
        assert part.normaliser.std.tolist() == pytest.approx([3.1, 3.1])
        assert part.normaliser.mean.tolist() == [0.5, 0.5]
    assert tuned.config.horizon == tuned.embed.config.horizon == 1.6
    assert model.embed.normaliser.std.tolist() == [1.0, 1.0]
    assert "differ by more than a factor 3" in caplog.text
    assert "becomes the longest lead time, 1.6 1" in caplog.text


def test_channels_that_the_data_lack_keep_their_place(caplog):
    data = Trajectories(channels=VELOCITY[:1], std=10.0)
    with caplog.at_level(logging.INFO):
        tuned = finetune(tiny_model(), data, **QUICK)
    assert "masked: ['velocity_y']" in caplog.text
    assert tuned.config.inputs == tiny_model().config.inputs
    assert tuned.embed.normaliser.std.tolist() == [10.0, 1.0]


def test_mistyped_words_are_refused_before_the_data_are_opened():
    with pytest.raises(ConfigError, match="no key 'stesp'; did you mean 'steps'"):
        finetune(tiny_model(), "nowhere.zarr", stesp=3)
    with pytest.raises(ConfigError, match="did you mean 'norms'"):
        finetune(tiny_model(), "nowhere.zarr", method="norm")
    with pytest.raises(ConfigError, match="a method has a name"):
        finetune(tiny_model(), "nowhere.zarr", method={"rank": 3})


def test_fewer_trajectories_than_asked_and_another_domain_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="has 12 trajectories, got 13; take 1 to 12"):
        finetune(tiny_model(), Trajectories(), samples=13)
    monkeypatch.setattr(Trajectories, "__module__", "humboldt.domains.weather.data")
    with pytest.raises(ValueError, match="got weather data for a pde model; load a model of the weather domain"):
        finetune(tiny_model(), Trajectories())


def test_pretrain_makes_a_model_for_all_datasets_at_once(tmp_path):
    config = tiny_model().config
    parts = [Trajectories(8, std=1.0), Trajectories(8, std=7.0)]
    model = pretrain(to_dict(config), parts, output=tmp_path, seed=2, **QUICK)
    assert model.config == config
    assert model.embed.normaliser.std.tolist() == pytest.approx([5.0, 5.0])
    assert model.provenance["data"]["train"]["weights"] == [8.0, 8.0]
    again = pretrain(config, parts, output=tmp_path, seed=2, **QUICK)
    assert torch.equal(model.head.mix.weight, again.head.mix.weight)


def test_a_checkpoint_advises_the_recipe_unless_told_otherwise():
    model = tiny_model()
    model.provenance["advice"] = {"pretrained": {"core_rate": 3e-3}, "random": {"core_rate": 7e-3}}
    quick = {**QUICK, "steps": 1}

    def rate(**choices: Any) -> float:
        return finetune(model, Trajectories(), **quick, **choices).provenance["recipe"]["core_rate"]

    assert rate() == 3e-3
    assert rate(core_rate=1e-4) == 1e-4
    assert rate(method="head") == Recipe().core_rate
    model.provenance["loaded"] = {"random": True}
    assert rate() == 7e-3


def test_advice_for_another_optimiser_is_not_taken_by_rows(caplog):
    model = tiny_model()
    model.provenance["advice"] = {"pretrained": {"optimiser": "muon", "core_rate": 7e-3}}
    assert prepare(model, Trajectories()).recipe.optimiser == "muon"
    found = prepare(model, Trajectories(), strategy="fsdp").recipe
    assert (found.optimiser, found.core_rate) == ("adamw", Recipe().core_rate)
    assert "which strategy fsdp has not; the default recipe is taken" in caplog.text


def test_a_checkpoint_keeps_the_statistics_with_the_fingerprint_of_what_they_are_of(tmp_path):
    data = humboldt.open(decay_trajectories(samples=6), domain="pde", split={"train": 4, "test": 2})
    tuned = finetune(build(decay_config()), data, steps=1, batch_size=2, progress=False)
    tuned.save(tmp_path / "tuned")
    kept = humboldt.from_pretrained(str(tmp_path / "tuned")).provenance["data"]["train"]["statistics"]
    again = json.loads(json.dumps(data.split("train").describe()["statistics"]))
    assert kept == again
    name = data.channels[0].name
    assert (kept["channels"][name]["mean"], kept["channels"][name]["std"]) == data.statistics()[name]
    other = humboldt.open(decay_trajectories(samples=6), domain="pde", split={"train": 3, "test": 2})
    assert other.split("train").describe()["statistics"]["fingerprint"] != kept["fingerprint"]
