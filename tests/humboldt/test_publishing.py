"""A run goes up with its card and comes down the same."""

import json
import re

import pytest
import torch
import yaml

import humboldt
from humboldt.card import CardError, Facts, card
from humboldt.foundations import CheckpointError, HubError
from humboldt.licence import LicenceError, inherited
from humboldt.pretrained import from_pretrained
from humboldt.publishing import made_from, push_to_hub
from tests.finetune.tiny import tiny_model
from tests.foundations.hub_server import point_to, serving
from tests.humboldt.test_adapting import Trajectories

pytest.importorskip("huggingface_hub")

ROWS = [
    {
        "forecast": name,
        "group": "velocity",
        "lead_time": 0.5,
        "lead_step": 1,
        "relative_l1": score,
        "spectral_error": 0.1,
    }
    for name, score in (("model", 0.25), ("persistence", 0.5))
]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with serving() as running:
        point_to(running, tmp_path, monkeypatch)
        yield running


@pytest.fixture
def tuned():
    model = tiny_model().eval()
    recipe = {"model": "humboldt/pde-nano", "data": "pde.burgers2d", "revision": None, "steps": 6, "seed": 3}
    data = {"parent": "0" * 64, "train": {"samples": 12, "source": "/data/burgers2d.nc", "fingerprint": "abc"}}
    model.provenance = {"recipe": recipe, "data": data, "steps": 6, "seed": 3, "seconds": 7.5}
    return model


@pytest.fixture
def run(tmp_path, tuned):
    folder = tuned.save(tmp_path / "run")
    (folder / "scores.json").write_text(json.dumps({"split": "test", "rows": ROWS, "data": {"source": "b.nc"}}))
    (folder / "environment.json").write_text(json.dumps({"processor": "x86_64", "threads": 2}))
    return folder


def test_the_round_trip_of_a_run(hub, run, tuned):
    commit = humboldt.push_to_hub(run, "me/mine")
    again = from_pretrained("me/mine", revision=commit)
    assert again.provenance["loaded"]["revision"] == commit
    assert all(torch.equal(a, b) for a, b in zip(tuned.state_dict().values(), again.state_dict().values(), strict=True))
    text = hub.repositories["me/mine"]["README.md"].decode()
    _, front, body = text.split("---\n", 2)
    about = yaml.safe_load(front)
    assert (about["license"], about["library_name"]) == ("apache-2.0", "humboldt")
    metrics = about["model-index"][0]["results"][0]["metrics"]
    assert {m["type"]: m["value"] for m in metrics if m["type"] == "relative_l1"} == {"relative_l1": 0.25}
    sections = re.split(r"^## ", body, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0] for section in sections]
    assert titles == [
        *("Use", "Input and output", "Data", "Recipe", "Scores", "Physical checks", "Limits", "Compute and energy"),
        *("Licence", "Citation"),
    ]
    assert all(section.partition("\n")[2].strip() for section in sections)
    for words in ("velocity_x", "fingerprint `abc`", "pde.burgers2d: ", "| persistence |", "7.5 seconds on x86_64"):
        assert words in body


def test_a_model_without_the_record_of_a_run_is_not_published():
    with pytest.raises(CardError, match="published with the record of its run"):
        push_to_hub(tiny_model(), "me/mine")


def test_scores_without_a_baseline_are_no_scores(run):
    scores = json.loads((run / "scores.json").read_text())
    (run / "scores.json").write_text(json.dumps(scores | {"rows": ROWS[:1]}))
    with pytest.raises(CardError, match=r"nothing is known for 'Scores': score it beside a baseline .* say run=RUN"):
        push_to_hub(run, "me/mine")


def test_physical_checks_are_asked_for(run, tuned):
    rows = [{k: v for k, v in row.items() if k != "spectral_error"} for row in ROWS]
    (run / "scores.json").write_text(json.dumps({"rows": rows}))
    with pytest.raises(CardError, match="nothing is known for 'Physical checks'"):
        push_to_hub(run, "me/mine")
    facts = Facts(repository="me/mine", licence="MIT", sources={}, scores={"rows": rows}, checks="mass kept to 1e-6")
    assert "mass kept to 1e-6" in card(tuned, facts)


def test_cautions_of_the_data_reach_the_card(tuned):
    mixed = [{"samples": 3}, {"samples": 9, "caution": "these weights were tuned on precise places"}]
    tuned.provenance["data"]["train"] |= {"caution": "the weights were fitted on precise places", "mixture": mixed}
    facts = Facts(repository="me/mine", licence="MIT", sources={}, scores={"rows": ROWS}, checks="looked at")
    for what in ("the weights were fitted", "these weights were tuned"):
        assert f"- **Caution:** {what} on precise places." in card(tuned, facts)


def test_the_terms_of_data_and_parent_have_to_be_known(run, tuned):
    tuned.provenance["recipe"] |= {"data": "/my/file.nc", "model": "camlab-ethz/Poseidon-T"}
    tuned.save(run)
    with pytest.raises(LicenceError, match=r"those of /my/file.nc are not known"):
        push_to_hub(run, "me/mine")
    with pytest.raises(LicenceError, match=r"those of camlab-ethz/Poseidon-T are not known"):
        push_to_hub(run, "me/mine", licences={"/my/file.nc": "MIT"})
    with pytest.raises(LicenceError, match=r"made from .* are under CC-BY-NC-4.0, got licence='MIT'"):
        push_to_hub(
            run, "me/mine", licence="MIT", licences={"/my/file.nc": "CC-BY-NC-4.0", "camlab-ethz/Poseidon-T": "MIT"}
        )


def test_terms_come_down_from_a_model_that_was_handed_over(tuned, tmp_path):
    """A run of a model, not of a name, is under the terms of what that model was read from, and so is one after it."""
    tuned.provenance = {"loaded": {"name": "lab/nc", "revision": "1a2b", "sha256": "0" * 64}}
    quick = {"steps": 1, "batch_size": 2, "progress": False}
    first = humboldt.finetune(tuned, Trajectories(3), output=tmp_path / "run", **quick)
    assert first.provenance["ancestors"] == [{"model": "lab/nc", "revision": "1a2b", "sha256": "0" * 64}]
    assert from_pretrained(tmp_path / "run").provenance["ancestors"] == first.provenance["ancestors"]
    second = humboldt.finetune(first, Trajectories(4), **quick)
    for made in (first, second):
        with pytest.raises(LicenceError, match="those of lab/nc are not known"):
            push_to_hub(made, "me/mine", licences={"waves": "MIT"})
        with pytest.raises(LicenceError, match="those of the training data are not known"):
            push_to_hub(made, "me/mine", licences={"lab/nc": "MIT"})
        sources, _ = made_from(made.provenance, {"waves": "MIT", "lab/nc": "CC-BY-NC-4.0"})
        assert inherited(sources) == "CC-BY-NC-4.0"


def test_terms_of_an_adapter_come_down_too(tuned):
    tuned.provenance["adapters"] = [{"model": "them/adapter", "revision": None}]
    with pytest.raises(LicenceError, match="those of them/adapter are not known"):
        push_to_hub(tuned, "me/mine")


def test_a_repository_without_a_configuration_is_said(hub, tuned, tmp_path):
    weights = (tuned.save(tmp_path / "saved") / "model.safetensors").read_bytes()
    hub.repositories["me/bare"] = {"model.safetensors": weights}
    with pytest.raises(CheckpointError, match=r"holds weights and no configuration, .*for the config.json beside them"):
        from_pretrained("me/bare")


def test_without_a_token_the_cure_is_to_log_in(hub, run, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    hub.read_only = True
    with pytest.raises(HubError, match=r"(?s)me/mine was not uploaded .*log in \(hf auth login\) or set HF_TOKEN"):
        humboldt.push_to_hub(run, "me/mine")
    assert hub.tokens == []
