"""A folder that is laid down, run here, and summed up."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
import yaml

from humboldt.batch import BatchError, Profile, Submission, results
from humboldt.batch.submission import ended
from humboldt.cli import main
from humboldt.commands import submit

TASKS = [{"seed": 0}, {"seed": 1}]
RECIPE = {"model": "humboldt/pde-nano", "data": "data_catalog/examples/burgers2d.nc", "steps": 2, "batch_size": 2}


def test_what_lies_in_the_folder(tmp_path):
    submission = Submission(tmp_path, Profile(), TASKS)
    submission.lay_down(RECIPE)
    assert yaml.safe_load((tmp_path / "tasks" / "1.yaml").read_text()) == RECIPE | {
        "seed": 1,
        "output": f"{tmp_path}/runs/1",
    }
    assert (tmp_path / "job.sh").read_text().startswith("#!/bin/bash")
    submission.lay_down(RECIPE)
    with pytest.raises(BatchError, match=r"a folder holds one array, .*choose another --output"):
        Submission(tmp_path, Profile(), TASKS[:1]).lay_down(RECIPE)


def test_a_task_that_is_done_keeps_its_recipe(tmp_path):
    submission = Submission(tmp_path, Profile(), TASKS)
    submission.lay_down(RECIPE)
    told = {1: {"task": 1, "code": 0}, 0: {"task": 0, "code": 1}}
    for number, result in told.items():
        (tmp_path / "results" / f"{number}.json").write_text(json.dumps(result))
    kept = (tmp_path / "tasks" / "0.yaml").read_text()
    with pytest.raises(
        BatchError, match=r"done keeps its recipe, but in task 1 of .* steps was 2, now 9; choose another"
    ):
        submission.lay_down(RECIPE | {"steps": 9})
    assert (tmp_path / "tasks" / "0.yaml").read_text() == kept
    submission.lay_down(RECIPE | {"workers": 2})  # its weights do not depend on it
    (tmp_path / "results" / "1.json").unlink()
    submission.lay_down(RECIPE | {"steps": 9})  # no task is done: a recipe that failed is corrected
    assert yaml.safe_load((tmp_path / "tasks" / "1.yaml").read_text())["steps"] == 9


def test_the_script_can_be_submitted_by_hand_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    submission = Submission(Path("sweep"), Profile(), TASKS)
    assert submission.recipes(RECIPE)[1]["output"] == f"{tmp_path}/sweep/runs/1"
    script = submission.script()
    assert f"#SBATCH --output={tmp_path}/sweep/logs/%a.log" in script
    assert f"cd {tmp_path}\n" in script
    assert f'finetune {tmp_path}/sweep/tasks/"$task".yaml' in script


def test_an_array_larger_than_the_site_takes(tmp_path):
    with pytest.raises(BatchError, match="there takes 1 tasks in an array at most, got 2; submit it in parts"):
        Submission(tmp_path, Profile(name="there", largest_array=1), TASKS).lay_down(RECIPE)
    assert not list(tmp_path.iterdir())


def test_without_a_queue_the_cure_is_local(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    submission = Submission(tmp_path / "sweep", Profile(), TASKS)
    submission.lay_down(RECIPE)
    with pytest.raises(
        BatchError, match="submitted by sbatch, which is not here; log in to the cluster, or add --local"
    ):
        submission.submit()


def test_what_the_queue_refuses_is_told(tmp_path, monkeypatch):
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho 'invalid account' >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    submission = Submission(tmp_path / "sweep", Profile(), TASKS)
    submission.lay_down(RECIPE)
    with pytest.raises(BatchError, match="sbatch refused the job: invalid account; correct the profile"):
        submission.submit()


def test_a_task_that_is_handed_in_again_has_not_failed_yet(tmp_path, monkeypatch):
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho '17;cluster'\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    submission = Submission(tmp_path / "sweep", Profile(), TASKS)
    submission.lay_down(RECIPE)
    for number, code in enumerate((0, 2)):
        (tmp_path / "sweep" / "results" / f"{number}.json").write_text(json.dumps({"task": number, "code": code}))
    assert submission.submit() == "17"
    assert [row["state"] for row in results.summary(tmp_path / "sweep", TASKS)] == ["done", "waiting"]


def test_tasks_that_are_done_are_not_run_again(tmp_path, monkeypatch):
    codes = iter([0, 85, 0])
    ran = []

    def run(words, log):
        ran.append(words[-1][-6:])
        return next(codes), False

    monkeypatch.setattr("humboldt.batch.submission.ended", run)
    submission = Submission(tmp_path, Profile(), TASKS)
    submission.lay_down(RECIPE)
    assert not submission.run_here()
    assert submission.run_here()
    assert ran == ["0.yaml", "1.yaml", "1.yaml"]
    assert "done" in submission.summary()
    assert submission.done


def test_a_signal_is_passed_on_to_the_task_and_no_other_is_begun(tmp_path):
    """`humboldt submit --local` in a job of its own: the task that runs is told, saves and ends with 85."""
    waits = "import signal, sys, time; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(85)); print('up', flush=True)"
    log = tmp_path / "log"

    def tell():
        while not log.read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.getsignal(signal.SIGUSR1)
    with log.open("w") as file:
        Thread(target=tell).start()
        assert ended([sys.executable, "-c", f"{waits}; time.sleep(60)"], file) == (85, True)
    assert signal.getsignal(signal.SIGUSR1) == before


@pytest.mark.parametrize(("code", "result"), [(-15, None), (0, 0)])
def test_after_a_signal_no_further_task_is_begun(tmp_path, monkeypatch, code, result):
    """A task that the signal ended before it could save has no result; one that ended well all the same has."""
    monkeypatch.setattr("humboldt.batch.submission.ended", lambda *_: (code, True))
    submission = Submission(tmp_path, Profile(), TASKS)
    submission.lay_down(RECIPE)
    assert not submission.run_here()
    assert results.told(tmp_path, 0).get("code") == result
    assert results.told(tmp_path, 1) == {}


def test_waiting_ends_with_the_job_and_not_with_the_patience_of_the_controller(tmp_path, monkeypatch):
    answers = iter([(1, "", "Unable to contact slurm controller"), (0, "7 RUNNING", ""), (0, "", "")])
    monkeypatch.setattr(subprocess, "run", lambda words, **_: subprocess.CompletedProcess(words, *next(answers)))
    Submission(tmp_path, Profile(), TASKS).wait("7", every=0.0)
    assert next(answers, None) is None
    answers = iter([(1, "", "slurm_load_jobs error: Invalid job id specified")])
    Submission(tmp_path, Profile(), TASKS).wait("7", every=0.0)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return str(path)


def error_of(capsys, *words):
    assert main(["submit", *words]) == 2
    return capsys.readouterr().err


def test_mistakes_are_told_before_the_queue(recipe, tmp_path, capsys):
    output = ("--output", str(tmp_path / "sweep"))
    assert "a submission is a folder, got none" in error_of(capsys, recipe)
    assert "a recipe has no key 'stps'; did you mean steps?" in error_of(capsys, recipe, *output, "--array", "stps=[1]")
    assert "got 'fll'; did you mean 'full'?" in error_of(capsys, recipe, *output, "--array", "method=[fll]")
    assert "Recipe.seed: expected a value of type int, got 'a'" in error_of(
        capsys, recipe, *output, "--array", "seed=[0,a]"
    )
    assert "expected a value of type int, got 'x'" in error_of(
        capsys, recipe, *output, "--array", "method=[lora],method.rank=[x]"
    )
    lines = error_of(capsys, recipe, *output, "--array", "qqq=[1]")
    assert "a recipe has no key 'qqq'; humboldt finetune --help lists them" in lines
    (tmp_path / "lsf.yaml").write_text("scheduler: lsf")
    lines = error_of(capsys, recipe, *output, "--profile", str(tmp_path / "lsf.yaml"), "--wait")
    assert "waiting is for jobs of slurm, got lsf; leave out --wait" in lines
    told = error_of(capsys, recipe, *output, "--tasks-per-node", "4")
    assert "shared out evenly among the processes, got 2 samples for 4 processes" in told
    assert not (tmp_path / "sweep").exists()


def test_a_dry_run_shows_the_script_and_an_estimate_and_writes_nothing(recipe, tmp_path, capsys, monkeypatch):
    found = {"memory_megabytes": 500, "seconds per step": 0.5, "seconds": 1800.0, "steps": 3600}
    asked = {}
    monkeypatch.setattr("humboldt.adapting.plan_finetune", lambda *_, **choices: asked.update(choices) or found)
    words = ["--array", "seed=[0,1,2]", "--tasks-per-node", "2", "--cpus-per-task", "4", "--dry-run"]
    assert main(["submit", recipe, "--output", str(tmp_path / "sweep"), *words]) == 0
    told = capsys.readouterr().out
    assert "#SBATCH --array=0-2" in told
    assert "core-hours: 12 in all" in told  # half an hour of eight cores, three times
    assert "memory per process: 500 MB (measured here)" in told
    assert asked["batch_size"] == 1
    found |= {"parameters": 20_000_000, "trained parameters": 20_000_000}  # 320 MB, of which others hold half
    assert main(["submit", recipe, "--output", str(tmp_path / "sweep"), *words, "--array", "strategy=[fsdp]"]) == 0
    assert "memory per process: 340 MB (500 MB measured here, less the rows" in capsys.readouterr().out
    assert not (tmp_path / "sweep").exists()


@pytest.mark.integration
def test_an_array_run_here(recipe, tmp_path, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    words = ["--output", str(tmp_path / "sweep"), "--array", "method=[full,head]", "--local"]
    assert main(["submit", recipe, *words]) == 0
    told = capsys.readouterr().out
    assert told.count("done") == 2
    run = tmp_path / "sweep" / "runs" / "1"
    assert json.loads((run / "config.json").read_text())["provenance"]["recipe"]["method"]["name"] == "head"
    monkeypatch.setattr(submit.Submission, "run_here", lambda self: True)
    assert main(["submit", recipe, *words]) == 0
    (tmp_path / "sweep" / "results" / "1.json").write_text('{"task": 1, "co')  # the disk was full
    assert main(["submit", recipe, *words]) == 1
    assert capsys.readouterr().out.count("unfinished") == 1
    assert main(["submit", recipe, *words, "--summary"]) == 0
    monkeypatch.setattr(submit.Submission, "run_here", lambda self: False)
    assert main(["submit", recipe, *words]) == 85
