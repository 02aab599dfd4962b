import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from humboldt.domains.pde.problems import DOWNSTREAM, problem


@pytest.fixture
def scripts(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The scripts of the experiment, as they find each other when they run; forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [str(root / "benchmarks" / "pde_suite"), *sys.path])
    before = set(sys.modules)
    yield {name: importlib.import_module(name) for name in ("families", "run", "report", "ablations", "pretraining")}
    for name in set(sys.modules) - before:
        if name in ("families", "run", "report", "ablations", "pretraining", "neighbours", "baselines", "training"):
            del sys.modules[name]


def test_the_fifteen_families_are_those_of_the_paper_and_their_scored_groups_exist(scripts):
    families = scripts["families"].FAMILIES
    assert set(families) == set(DOWNSTREAM)
    for name, family in families.items():
        chosen = problem(name)
        assert set(family.scored) <= {field.group for field in chosen.fields}
        assert max(family.horizon, family.longer or 0) < len(chosen.times)


def test_test_trajectories_are_the_same_however_many_are_learned_from(scripts, tmp_path):
    many, whole, few = (
        scripts["families"].open_family("ns-sl", tmp_path, train=train, test=2, resolution=16) for train in (17, 16, 3)
    )
    assert few.split("test").samples == many.split("test").samples == (16, 17)
    assert few.split("train").samples == (0, 1, 2)
    assert many.split("train").samples == (*range(16), 18)
    model = SimpleNamespace(config=SimpleNamespace(outputs=many.outputs))
    scales = [scripts["run"].normaliser(model, data).std for data in (many, whole, few)]
    assert torch.equal(scales[0], scales[1])  # errors are taken of the same fields
    assert not torch.equal(scales[1], scales[2])


def test_parts_of_an_array_of_jobs_make_every_run_once(scripts):
    run = scripts["run"]
    words = ["--data", "d", "--output", "o", "--families", "ns-pwc,ace", "--trajectories", "1,2", "--seeds", "0,1,2"]
    whole = [run.key(r) for r in run.planned(run.arguments().parse_args(words))]
    assert len(whole) == len(set(whole)) == 2 * 2 * 3 * 6
    parts = [
        [run.key(r) for r in run.planned(run.arguments().parse_args([*words, "--part", f"{n}/5"]))] for n in range(5)
    ]
    assert sorted(k for part in parts for k in part) == sorted(whole)


def test_models_with_a_fine_path_have_weights_of_their_own(scripts):
    run = scripts["run"]
    words = ["--data", "d", "--output", "o", "--families", "ace", "--trajectories", "1", "--seeds", "0"]
    runs = run.planned(run.arguments().parse_args([*words, "--pretrained", "runs/vortices"]))
    weights = {r["model"]: r["pretrained"] for r in runs}
    assert weights["pde-nano"] == weights["scratch"] == "runs/vortices"
    assert weights["pde-nano-fine"] == weights["scratch-fine"] == "humboldt/pde-nano-fine"


def test_the_report_reads_gains_off_the_records(scripts):
    rows = [
        {"family": "ace", "model": model, "trajectories": n, "seed": seed, "error": level / n**0.5, "persistence": 1.0,
         "longer": None, "growth": 0.9, "steps": 5, "cpu_seconds": 1.0, "parameters": 10}
        for model, level in (("pde-nano", 0.25), ("scratch", 0.5), ("fno", 1.0)) for n in (1, 4, 16, 64)
        for seed in (0, 1)
    ]  # fmt: skip
    report, records = scripts["report"], pd.DataFrame(rows)
    text = report.gains(records)
    assert "| ace | 64 | 0.1250 | 16.0 / 4.00 | 4.0 / 2.00 |" in text
    assert report.against_twin(records) == "pde-nano is better than its random twin at 4 of 4 (family, trajectories)."
    assert "median EG / mean AG** |  |  | 16.0 / 4.00 | 4.0 / 2.00 |" in text
    assert "| ace | pde-nano | – | 0.9 | 5 | 1 | 10 |" in report.longer(records)
    more = [{**row, "family": "ce-rm"} for row in rows if row["trajectories"] < 64]
    text = report.gains(pd.DataFrame([*rows, *more]))  # a table for each number that the FNO ends with
    assert "| ace | 16 | 0.2500 | 16.0 / 4.00 | 4.0 / 2.00 |" in text
    assert "| ce-rm | 16 | 0.2500 | 16.0 / 4.00 | 4.0 / 2.00 |" in text
    assert text.count("median EG") == 2
    late = [{**row, "model": "unet", "error": 1.0 if row["trajectories"] < 64 else 0.01} for row in rows[:8]]
    assert "| ace | 16 | 0.2500 | 16.0 / 4.00 | 4.0 / 2.00 | 0.0 / 0.25 |" in report.gains(
        pd.DataFrame([*rows, *more, *late])
    )


def test_a_model_with_fewer_trajectories_than_the_fno_has_an_efficiency_gain_alone(scripts):
    rows = [
        {"family": family, "model": model, "trajectories": n, "error": error}
        for family, errors in {"ace": {4: 0.8, 16: 0.2}, "ce-rm": {4: 0.8, 16: 0.6}, "se-af": {4: 0.4}}.items()
        for model, curve in (("fno", {128: 0.4}), ("pde-nano-fine", errors)) for n, error in curve.items()
    ]  # fmt: skip
    text = scripts["report"].gains(pd.DataFrame(rows))
    assert "| ace | 128 | 0.4000 | 16.0 / – |" in text  # half way between 4 and 16 in logarithms
    assert "| ce-rm | 128 | 0.4000 | < 8.0 / – |" in text
    assert "| se-af | 128 | 0.4000 | 32.0 / – |" in text
    assert "| **median EG / mean AG** |  |  | 16.0 / – |" in text
    rows += [{"family": "ace", "model": "pde-nano-fine", "trajectories": 128, "error": 0.1}]
    text = scripts["report"].gains(pd.DataFrame(rows))  # the mean is of the gains that are known
    assert "| ace | 128 | 0.4000 | 16.0 / 4.00 |" in text
    assert "| **median EG / mean AG** |  |  | 16.0 / 4.00 |" in text


def test_a_report_refuses_records_of_several_budgets(scripts, tmp_path, monkeypatch):
    same = {"pairs": "all2all", "resolution": 64, "pretrained": "humboldt/pde-nano"}
    rows = [{"model": model, "steps": steps, **same} for model, steps in (("pde-nano", 100), ("fno", 400))]
    scripts["report"].refuse_mixed(pd.DataFrame([*rows, rows[0]]))  # models may differ
    with pytest.raises(ValueError, match=r"got steps \{'pde-nano': \[100, 400\]\}; keep the others in a file"):
        scripts["report"].refuse_mixed(pd.DataFrame([*rows, {**rows[0], "steps": 400}]))
    with pytest.raises(ValueError, match=r"got pairs \{'fno': \['all2all', 'vanilla'\]\}"):
        scripts["report"].refuse_mixed(pd.DataFrame([*rows, {**rows[1], "pairs": "vanilla"}]))
    path = tmp_path / "mixed.jsonl"
    pd.DataFrame([rows[0], {**rows[0], "resolution": 32}]).to_json(path, orient="records", lines=True)
    monkeypatch.setattr(sys, "argv", ["report.py", str(path)])
    with pytest.raises(ValueError, match=r"got resolution \{'pde-nano': \[32, 64\]\}"):
        scripts["report"].main()
    assert list(tmp_path.iterdir()) == [path]


def test_ablations_are_compared_with_the_random_twin_at_their_budget(scripts):
    def record(family: str, error: float, model: str = "pde-nano", **other: object) -> dict[str, object]:
        budget = {"trajectories": 16, "seed": 0, "steps": 100, "resolution": 64}
        base = {"pairs": "all2all", "pretrained": "humboldt/pde-nano", **budget}
        return {**base, "family": family, "error": error, "model": model, **other}

    known = [record("ace", 0.5, "scratch"), record("gce-rt", 0.2, "scratch"), record("ace", 9.0, "scratch", seed=1)]
    found = [record("ace", 0.25, pretrained="runs/a/vortices"), record("gce-rt", 0.4, pretrained="runs/a/vortices")]
    found.append(record("ace", 0.3, pairs="vanilla"))  # not on every family: not shown
    fine = {"model": "pde-nano-fine", "pretrained": "humboldt/pde-nano-fine"}
    known += [record("ace", 0.125, **fine), record("gce-rt", 0.05, **fine)]
    text = scripts["ablations"].table(pd.DataFrame(known), pd.DataFrame(found))
    assert "| scratch | 0.500 | 0.200 | 1.00 |" in text
    assert "| pde-nano, weights of vortices | 0.250 | 0.400 | 1.00 |" in text
    assert "| pde-nano-fine | 0.125 | 0.050 | 0.25 |" in text
    assert "vanilla" not in text
    with pytest.raises(ValueError, match=r"compared at one budget, got .*'seed': 1.*keep one"):
        scripts["ablations"].table(pd.DataFrame(known), pd.DataFrame([*found, record("ace", 1.0, seed=1)]))


def test_pretrainings_differ_in_their_families_or_pairs(scripts):
    script = scripts["pretraining"]
    fields = np.arange(30, dtype=np.float16)[:, None, None, None]  # a frame shows its own number
    arrays = {name: np.broadcast_to(fields, (2, 30, 3, 4, 4)) for name in ("ns-sines", "ns-gauss", "shallow-water")}
    pairs = script.PretrainingPairs(arrays, 0, 100, 4)
    assert set(script.changed(pairs, "vortices").arrays) == {"ns-sines", "ns-gauss"}
    batch = script.changed(pairs, "vanilla").batch(range(50))
    assert (batch.fields == 0).all()
    assert torch.equal(batch.target[:, 2, 0, 0], (batch.lead_time / 0.025).round())
    assert script.changed(pairs, "mixture").batch(range(50)).fields.max() > 8
