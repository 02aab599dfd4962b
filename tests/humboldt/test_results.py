import json
from dataclasses import replace

import pytest
import torch

from humboldt.finetune.logbook import weights_hash
from humboldt.foundations import ConfigError, SampleScores
from humboldt.results import Result, fingerprint, provenance, read_results, split_hash, write_results
from tests.finetune.tiny import Waves, tiny_model
from tests.humboldt.leaderboard.made import PLAIN


class Split(Waves):
    """Waves with three parts."""

    def split(self, name):
        return Split(4, {"train": 1, "validation": 2, "test": 3}[name])


def test_a_record_says_where_it_came_from():
    model = tiny_model()
    found = provenance(model, Split(), seed=3)
    assert found["model_sha256"] == weights_hash(model)
    assert found["data_version"] == fingerprint(Split()) == "0"
    assert found["seed"] == 3
    assert all(found[name] for name in ("split_sha256", "code_commit", "date", "hardware"))
    with torch.no_grad():
        next(model.parameters()).add_(1)
    assert provenance(model, Split(), seed=3)["model_sha256"] != found["model_sha256"]


def test_another_split_has_another_hash():
    class Other(Split):
        def split(self, name):
            return Split(4, {"train": 1, "validation": 2, "test": 4}[name])

    class Whole(Split):
        def split(self, name):
            raise ValueError("no parts")

    assert split_hash(Split()) == split_hash(Split()) != split_hash(Other())
    assert split_hash(Whole()) is None


def test_records_are_read_back(tmp_path):
    results = [
        Result(protocol="p", model="m", method=n, data="d", metric="e", value=0.5, settings={"a": [1]}) for n in "xy"
    ]
    path = write_results(tmp_path / "deep" / "r.jsonl", results)
    assert read_results(path) == results
    assert results[0].key != results[1].key
    assert [p.name for p in path.parent.iterdir()] == ["r.jsonl"]


def test_scores_by_sample_are_read_back_and_older_records_keep_their_keys(tmp_path):
    old = Result(protocol="p", model="m", method="x", data="d", metric="e", value=0.5)
    new = replace(old, scores=SampleScores.of("e", ["a", "b"], {"1 h": [0.25, float("nan")]}))
    path = write_results(tmp_path / "r.jsonl", [old, new])
    assert "NaN" not in path.read_text()
    assert read_results(path) == [old, new]
    assert new.key != old.key
    assert PLAIN.key == "46c79b6a9150"  # as before there were scores by sample: links to pages hold
    line = json.dumps({"protocol": "p", "model": "m", "method": "x", "data": "d", "metric": "e", "value": 0.5})
    path.write_text(line)
    assert read_results(path) == [old]


def test_a_line_that_is_no_record_is_named(tmp_path):
    path = tmp_path / "r.jsonl"
    good = {"protocol": "p", "model": "m", "method": "x", "data": "d", "metric": "e", "value": 1.0}
    for bad, said in (
        ("{", "line 2 is no result record"),
        ("[1]", "a record is an object, got list"),
        (json.dumps({**good, "unitt": "K"}), "no key 'unitt'; did you mean 'unit'"),
        (json.dumps({"protocol": "p"}), "needs the key"),
    ):
        path.write_text(json.dumps(good) + "\n" + bad + "\n")
        with pytest.raises(ConfigError, match="line 2") as caught:
            read_results(path)
        assert said in str(caught.value)
