import csv
import dataclasses
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from humboldt.finetune import Full, Interrupted, Mixture, Recipe, RunFolderError, fit, method
from humboldt.finetune.fit import ancestors, bytes_written
from humboldt.finetune.logbook import SLACK, Logbook
from humboldt.foundations import read_config
from tests.finetune.processes import together
from tests.finetune.tiny import RESUMED, Told, Waves, main, tiny_model

SHORT = Recipe(steps=6, batch_size=4, core_rate=1e-3, log_every=2, save_every=2, validate_every=2)


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def log_rows(folder):
    return list(csv.DictReader((folder / "log.csv").read_text().splitlines()))


def test_what_does_not_train_does_not_pay_for_lightning(root):
    code = "import sys, humboldt.finetune, humboldt.adapting; print('lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_training_lowers_the_loss_and_leaves_the_given_model_alone():
    model, before = tiny_model(), tiny_model().state_dict()
    tuned = fit(model, Waves(), recipe=dataclasses.replace(SHORT, steps=60, core_rate=3e-3, embedding_rate=1e-2))
    assert same(model.state_dict(), before)
    assert tuned.loss(Waves().all()) < 0.9 * model.loss(Waves().all())
    assert not tuned.training


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    runs = [fit(tiny_model(), Waves(), recipe=dataclasses.replace(SHORT, seed=s)).state_dict() for s in (0, 0, 1)]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_a_run_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5), np.random.seed(5)
    expected = torch.rand(1), np.random.rand()
    model, train = tiny_model(), Waves()
    torch.manual_seed(5), np.random.seed(5)
    fit(model, train, recipe=SHORT)
    assert (torch.rand(1), np.random.rand()) == expected


def test_the_best_validated_weights_are_kept():
    rates = {"core_rate": 0.3, "embedding_rate": 0.3, "norm_rate": 0.3}
    diverging = dataclasses.replace(SHORT, **rates, clip=0.0, steps=12, floor=1.0)
    validation = Waves(6, 1)
    best = fit(tiny_model(), Waves(), validation, diverging)
    last = fit(tiny_model(), Waves(), None, diverging)
    assert best.loss(validation.all()) < last.loss(validation.all())


def test_the_best_loss_of_the_log_is_the_loss_of_the_result(tmp_path):
    validation = Waves(6, 1)
    tuned = fit(tiny_model(), Waves(), validation, dataclasses.replace(SHORT, batch_size=6), folder=tmp_path)
    losses = [float(row["validation"]) for row in log_rows(tmp_path) if row["validation"]]
    assert len(losses) == 3
    assert tuned.loss(validation.all()).item() == pytest.approx(min(losses), rel=1e-5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watched(Full):
    """Full training whose weights are noted after every step."""

    seen: list[dict[str, torch.Tensor]] = dataclasses.field(default_factory=list)

    def on_step(self, model, step, length):
        self.seen.append({k: v.clone() for k, v in model.state_dict().items()})


def test_patience_ends_a_run_that_does_not_get_better(tmp_path):
    stuck = dataclasses.replace(SHORT, steps=60, core_rate=0.0, embedding_rate=0.0, norm_rate=0.0, patience=2)
    fit(tiny_model(), Waves(), Waves(6, 1), stuck, folder=tmp_path)
    steps = [int(row["step"]) for row in log_rows(tmp_path)]
    assert max(steps) == 6


def test_the_average_is_the_closed_form_from_the_start_on():
    """m^t start + (1 - m) sum_j m^(t - j) weights after step j."""
    way, key = Watched(), "core.scales.0.down.0.feed_forward.expand.weight"
    averaged = fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, steps=3, average=0.5), way)
    first, one, two, three = (tiny_model().state_dict()[key], *(state[key] for state in way.seen))
    expected = first / 8 + one / 8 + two / 4 + three / 2
    torch.testing.assert_close(averaged.state_dict()[key], expected)
    assert not torch.equal(one, two)


def test_accumulated_batches_make_one_step():
    frozen = dataclasses.replace(SHORT, steps=3, accumulate=4)
    train = Waves()
    fit(tiny_model(), train, recipe=frozen)
    assert train.read == 12


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(precision):
    tuned = fit(tiny_model(), Waves(), recipe=dataclasses.replace(SHORT, precision=precision))
    assert all(p.dtype == torch.float32 for p in tuned.parameters())
    assert torch.isfinite(tuned.loss(Waves().all()))


def test_recomputing_activations_changes_nothing():
    plain = fit(tiny_model(), Waves(), recipe=SHORT).state_dict()
    recomputed = fit(tiny_model(), Waves(), recipe=dataclasses.replace(SHORT, recompute=True)).state_dict()
    for key, value in plain.items():
        torch.testing.assert_close(recomputed[key], value, rtol=1e-4, atol=1e-6)


def test_the_run_folder_holds_what_is_needed_to_repeat_it(tmp_path):
    tuned = fit(tiny_model(), Waves(), Waves(6, 1), SHORT, method("lora", rank=2), tmp_path, run={"model": "tiny"})
    recipe = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    assert (recipe["model"], recipe["method"]["rank"], recipe["steps"], recipe["seed"]) == ("tiny", 2, 6, 0)
    data = json.loads((tmp_path / "data.json").read_text())
    assert data["train"] == {"samples": 12, "count": 12, "fingerprint": "0"}
    assert data["validation"]["fingerprint"] == "1"
    assert json.loads((tmp_path / "environment.json").read_text())["packages"]["torch"] == torch.__version__
    saved = read_config(tmp_path)["provenance"]
    assert saved == tuned.provenance
    assert saved["parent"] == data["parent"]
    assert (saved["steps"], saved["seed"]) == (6, 0)
    assert same(load_file(tmp_path / "model.safetensors"), tuned.state_dict())


def test_a_finished_run_is_read_back_without_training(tmp_path):
    first = fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    untouched = Waves()
    again = fit(tiny_model(), untouched, None, SHORT, folder=tmp_path)
    assert untouched.read == 0
    assert same(first.state_dict(), again.state_dict())
    assert again.provenance == first.provenance


def test_another_recipe_or_other_data_are_refused(tmp_path):
    fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    with pytest.raises(RunFolderError, match=r"recipe.yaml differs .*steps was 6, now 7.*--overwrite"):
        fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, steps=7), folder=tmp_path)
    with pytest.raises(RunFolderError, match=r"data.json differs .*fingerprint was '0', now '3'"):
        fit(tiny_model(), Waves(seed=3), None, SHORT, folder=tmp_path)
    with pytest.raises(RunFolderError, match="parent was"):
        fit(tiny_model().double(), Waves(), None, SHORT, folder=tmp_path)
    fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, steps=3), folder=tmp_path, overwrite=True)
    assert read_config(tmp_path)["provenance"]["steps"] == 3


def test_a_checkpoint_without_its_recipe_is_nobodys(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"of a run whose folder was removed while it trained")
    with pytest.raises(RunFolderError, match=r"last.ckpt lies there without the recipe.yaml .*--overwrite"):
        fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    assert not (tmp_path / "recipe.yaml").exists()


def cut(folder, recipe, model=None):
    """A run that stops after its third step."""
    with pytest.raises(Interrupted):
        fit(model or tiny_model(), Told(4, signal.SIGUSR1), None, recipe, folder=folder)


def test_a_checkpoint_from_another_recipe_is_refused(tmp_path):
    """Also where it was copied into a folder that has a recipe of its own."""
    cut(tmp_path / "one", SHORT)
    for changes, told in (
        ({"core_rate": 2e-3}, "core_rate was 0.001, now 0.002"),
        ({"steps": 7}, "steps was 6, now 7"),
    ):
        with pytest.raises(RunFolderError, match=rf"recipe.yaml differs .*{told}; choose another folder, or overwrite"):
            fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, **changes), folder=tmp_path / "one")
    cut(tmp_path / "other", dataclasses.replace(SHORT, core_rate=2e-3))
    copy = tmp_path / "other" / "checkpoints" / "last.ckpt"
    copy.write_bytes((tmp_path / "one" / "checkpoints" / "last.ckpt").read_bytes())
    with pytest.raises(
        RunFolderError, match=r"goes on from its own checkpoint.*recipe.core_rate was 0.001, now 0.002; ch"
    ):
        fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, core_rate=2e-3), folder=tmp_path / "other")


def test_a_model_that_is_configured_otherwise_is_refused(tmp_path):
    """Its weights are the same, what becomes of them is not."""
    cut(tmp_path, SHORT, tiny_model(0.2))
    with pytest.raises(RunFolderError, match=r"its own checkpoint.*drop_path was 0\.2, now 0\.0; choose another"):
        fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    fit(tiny_model(0.2), Waves(), None, SHORT, folder=tmp_path)
    with pytest.raises(RunFolderError, match=r"its own checkpoint.*drop_path was 0\.2, now 0\.0; choose another"):
        fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)


def test_how_batches_are_read_and_how_often_a_run_is_saved_may_change(tmp_path):
    whole = fit(tiny_model(), Waves(), recipe=SHORT).state_dict()
    cut(tmp_path, SHORT)
    changed = dataclasses.replace(SHORT, save_every=5, log_every=1, workers=1)
    assert same(fit(tiny_model(), Waves(), None, changed, folder=tmp_path).state_dict(), whole)
    assert yaml.safe_load((tmp_path / "recipe.yaml").read_text())["save_every"] == 5


def test_a_checkpoint_from_before_they_said_whose_they_are_goes_on(tmp_path):
    cut(tmp_path, SHORT)
    path = tmp_path / "checkpoints" / "last.ckpt"
    old = torch.load(path, weights_only=True)
    del old["run"]
    torch.save(old, path)
    assert same(
        fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path).state_dict(),
        fit(tiny_model(), Waves(), recipe=SHORT).state_dict(),
    )


def test_an_unwritable_folder_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    train = Waves()
    with pytest.raises(RunFolderError, match=r"cannot be written .*choose another --output"):
        fit(tiny_model(), train, None, SHORT, folder=tmp_path / "file" / "run")
    assert train.read == 0


def test_a_full_disk_is_refused_before_training(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    train = Waves()
    with pytest.raises(RunFolderError, match=r"needs \d+ MB .* of which 1 MB are free; make room"):
        fit(tiny_model(), train, None, SHORT, folder=tmp_path / "run")
    assert train.read == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("largest", "told"),
    [
        (300, r"a run writes recipe\.yaml into a folder with room for it, but .* refused \(File too large\)"),
        (1200, r"a checkpoint is written .* refused more than 1\d\d\d bytes .*; the one before is unchanged"),
    ],
)
def test_a_limit_on_the_size_of_files_is_told_and_nothing_half_written_is_left(tmp_path, largest, told):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))
    try:
        with pytest.raises(RunFolderError, match=rf"{told}.*\(ulimit -f\), and the same command goes on"):
            fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in tmp_path.rglob("*") if "step" in path.name or "writing" in path.name]
    fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)


def test_a_log_that_has_no_room_is_told(tmp_path):
    logbook = Logbook(tmp_path, {}, {})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        with pytest.raises(RunFolderError, match=r"a run writes log\.csv .* \(File too large\); what was saved before"):
            logbook.write({"step": 1, "loss": 0.5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_scores_of_the_run_before_do_not_stay_with_a_new_one(tmp_path):
    fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    scored, own = ("scores.json", "scores.nc", "errors.png", "maps_u.png"), ("notes.txt", "stations.nc")
    for name in (*scored, *own):
        (tmp_path / name).write_text("of the first run")
    fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    assert all((tmp_path / name).is_file() for name in (*scored, *own))
    fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, steps=3), folder=tmp_path, overwrite=True)
    assert [name for name in (*scored, *own) if (tmp_path / name).is_file()] == [*own]


def test_a_run_is_not_overwritten_where_the_new_one_has_no_room(tmp_path, monkeypatch):
    fit(tiny_model(), Waves(), None, SHORT, folder=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    enough = SLACK + bytes_written(tiny_model()) - sum(map(len, before.values()))
    again = {"recipe": dataclasses.replace(SHORT, steps=3), "folder": tmp_path, "overwrite": True}
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": enough - 1}))
    with pytest.raises(RunFolderError, match=r"MB are free; make room"):
        fit(tiny_model(), Waves(), None, **again)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_loss_that_is_not_finite_stops_the_run():
    train = Waves()
    train.fields[3] = float("inf")
    with pytest.raises(FloatingPointError, match="must stay finite, but is nan at step 2; lower the rates"):
        fit(tiny_model(), train, recipe=dataclasses.replace(SHORT, batch_size=12))


def test_weights_that_the_last_step_broke_are_not_kept(tmp_path):
    rates = {"core_rate": 1e38, "embedding_rate": 1e38, "norm_rate": 1e38, "clip": 0.0}
    with pytest.raises(FloatingPointError, match=r"after the last step .* is not; lower the rates"):
        fit(tiny_model(), Waves(), None, dataclasses.replace(SHORT, steps=1, **rates), folder=tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_a_mixture_draws_from_every_dataset():
    parts = [Waves(5, 0), Waves(7, 1)]
    fit(tiny_model(), Mixture(parts), Mixture([Waves(2, 3), Waves(2, 4)]), dataclasses.replace(SHORT, steps=20))
    assert all(set(part.seen) == set(range(len(part))) for part in parts)


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    class StopError(Exception):
        pass

    whole = fit(tiny_model(0.2), Waves(), Waves(6, 1), RESUMED, method("lora"), tmp_path / "whole")
    train, read = Waves(), Waves.batch

    def stopping(self, indices):
        if self is train and self.read == 25:
            raise StopError
        return read(self, indices)

    monkeypatch.setattr(Waves, "batch", stopping)
    with pytest.raises(StopError):
        fit(tiny_model(0.2), train, Waves(6, 1), RESUMED, method("lora"), tmp_path / "cut")
    rest = Waves()
    resumed = fit(tiny_model(0.2), rest, Waves(6, 1), RESUMED, method("lora"), tmp_path / "cut")
    assert 0 < rest.read < 48
    assert same(whole.state_dict(), resumed.state_dict())
    steps = [[row["step"] for row in log_rows(tmp_path / name)] for name in ("whole", "cut")]
    assert steps[0] == steps[1]


@pytest.mark.integration
def test_a_run_killed_again_and_again_ends_bit_for_bit_like_one_that_was_not(tmp_path, root):
    """The last part of each is run by an interpreter of its own."""

    def run(folder: Path, name: str, where: str, count: int) -> int:
        return together(1, main, str(folder), name, where, count, launcher=lambda *_: {})[0]

    names = ("full", "lora", "muon")
    for name in names:
        assert run(tmp_path / "whole" / name, name, "nowhere", 0) == 0
        killed = tmp_path / "killed" / name
        for where, count in (("train", 3), ("train", 15), ("replace", 2), ("validation", 3), ("train", 6)):
            assert run(killed, name, where, count) == -signal.SIGKILL
            assert not (killed / "config.json").exists()
    fresh = [sys.executable, "-m", "tests.finetune.tiny", str(tmp_path / "killed"), *names]
    assert subprocess.run(fresh, cwd=root, check=False).returncode == 0
    for name in names:
        ours, theirs = (load_file(tmp_path / way / name / "model.safetensors") for way in ("killed", "whole"))
        assert same(ours, theirs), name


def test_ancestors_are_the_runs_before_and_the_adapters_that_were_put_on():
    model, put = tiny_model(), {"model": "me/adapter", "revision": "1"}
    assert ancestors(model) == []
    model.provenance = {"recipe": {"model": "a", "revision": None, "data": "d", "steps": 3}, "adapters": [put]}
    own = {"model": "a", "revision": None, "data": "d"}
    assert ancestors(model) == [own, put]
    model.provenance["ancestors"] = [{"model": "first"}]
    assert ancestors(model) == [{"model": "first"}, own, put]
    model.provenance["loaded"] = {"name": "me/base", "revision": "2", "sha256": "x"}
    assert ancestors(model) == [{"revision": "2", "sha256": "x", "model": "me/base"}, put]
