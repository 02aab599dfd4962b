import numpy as np
import pytest

from humboldt.adapting import finetune
from humboldt.comparing import compare
from humboldt.comparison_run import RANDOM, Job, Question, applicable, strengthened, strengths_of, taught, tuned
from humboldt.finetune import method
from humboldt.foundations import ConfigError
from tests.finetune.tiny import tiny_model
from tests.humboldt.test_adapting import Trajectories


def test_what_finds_no_layer_is_left_out_and_said(capsys):
    model = tiny_model()
    assert applicable(["nlt", "lora:targets=nowhere", "head"], model) == ["nlt", "head"]
    assert "lora:targets=nowhere is left out: targets must find a layer" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="did you mean 'lora'"):
        applicable(["lore"], model)


def test_rates_that_the_checkpoint_advises_are_tried_once():
    model = tiny_model()
    assert strengths_of(model, "full", (1.0, 4.0)) == (1.0, 4.0)
    model.provenance = {"advice": {"pretrained": {"core_rate": 1e-3}}}
    assert strengths_of(model, "full", (1.0, 4.0)) == (1.0,)
    assert strengths_of(model, "hydra:rank=2", (1.0, 4.0)) == (1.0, 4.0)


def test_a_strength_multiplies_a_methods_own_rate():
    way = strengthened("hydra:rank=3,scale=2.0", 4.0)
    assert (way.rank, way.scale, way.rate) == (3, 2.0, 4 * method("hydra").rate)  # type: ignore[attr-defined]
    assert strengthened("norms", 4.0) == method("norms")


def test_feature_transfer_learns_from_the_features_of_the_start():
    model, data = tiny_model(), Trajectories(6)
    way, lesson = taught(strengthened("aft", 1.0), data, model, "forecast")
    assert way.width == 8
    part = lesson.split("train").take(4)
    batch = part.batch([0, 2])
    assert batch.features.shape == (2, 8)
    assert batch.features.equal(part.batch([0, 2]).features)
    assert taught(method("nlt"), data, model, "forecast")[1] is data
    tuned = finetune(model, lesson, method=way, steps=2, batch_size=3, progress=False)
    assert tuned.provenance["recipe"]["method"]["width"] == 8


@pytest.mark.parametrize(("losses", "kept"), [((0.3, 0.2), 4.0), ((0.2, 0.3), 1.0), ((np.nan, 0.3), 4.0)])
def test_the_strength_that_validates_best_is_kept(monkeypatch, losses, kept):
    from humboldt import comparison_run

    found = iter(losses)
    monkeypatch.setattr(comparison_run, "mean_loss", lambda model, data: next(found))
    question = Question("m", None, "forecast", {}, {"steps": 1, "batch_size": 2, "core_rate": 1e-3}, None, (1.0, 4.0))
    best = tuned(question, Job("full", 4, 0), tiny_model(), Trajectories(6))
    assert best.strength == kept
    assert best.model.provenance["recipe"]["core_rate"] == kept * 1e-3


@pytest.mark.integration
def test_the_head_of_a_task_counts_as_what_is_trained(tmp_path):
    """Embedded molecules have no head of their own, a property has one."""
    table = tmp_path / "chains.csv"
    table.write_text("smiles,carbons\n" + "".join(f"{'C' * n}{end},{n}\n" for n in range(1, 15) for end in "ON"))
    found = compare(
        "humboldt/molecules-nano", table, methods=["head"], samples=[8], seeds=[0], strengths=[1.0], task="regression",
        opening={"targets": ["carbons"], "split": {"validation": 5, "test": 5}}, steps=1, batch_size=4,
        output=tmp_path / "found",
    )  # fmt: skip
    trained = {record["method"]: record["trained"] for record in found}
    assert trained["head"] == 897  # a weight a channel of seven readings, and one bias
    assert trained[RANDOM] > 1_000_000
