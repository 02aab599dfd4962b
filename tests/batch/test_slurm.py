"""The real scheduler, on one node: arrays, processes, requeue, preemption, staging, memory.

Run with `pytest -m integration tests/batch`. SLURM is installed by `start_slurm.sh` where that is possible.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from humboldt.batch import Profile, Submission
from humboldt.foundations import read_config, read_weights

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
SITE = Profile(name="test", time="00:20:00", offline=False, memory="4000M", warning=60)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A running SLURM; `humboldt` in its jobs is this checkout."""
    if os.environ.get("HUMBOLDT_TEST_SLURM", "") != "1" and not _runs():
        pytest.skip("no SLURM runs here; HUMBOLDT_TEST_SLURM=1 lets the test install and start one (root, Debian)")
    done = subprocess.run([HERE / "start_slurm.sh", "start"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"SLURM cannot be started here: {done.stderr.strip()}")
    tools = tmp_path_factory.mktemp("bin")
    (tools / "humboldt").write_text(f'#!/bin/bash\nexec nice -n 5 {sys.executable} -m humboldt "$@"\n')
    (tools / "humboldt").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(HERE.parents[1]))
        yield


def _runs() -> bool:
    try:
        return subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def recipe(root, monkeypatch):
    monkeypatch.chdir(root)
    return {
        "model": "humboldt/pde-nano",
        "data": "data_catalog/examples/burgers2d.nc",
        "steps": 4,
        "batch_size": 4,
        "save_every": 1000,
        "log_every": 1,
        "validation_samples": 2,
    }


def submitted(folder, recipe, tasks, **changes):
    submission = Submission(folder, SITE.__class__(**{**vars(SITE), **changes}), tasks)
    submission.lay_down(recipe)
    return submission, submission.submit()


def ended(job: str, seconds: float = 600) -> None:
    """Wait for a job; one that was requeued is started at once instead of after SLURM's pause."""
    end, said = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        asked = subprocess.run(["squeue", "-h", "-j", job, "-o", "%T %r"], capture_output=True, text=True, check=False)
        said = asked.stdout.strip()
        if not said:
            return
        if "BeginTime" in said:
            subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=False, capture_output=True)
        time.sleep(1)
    raise AssertionError(f"job {job} did not end: {said}")


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.3)


def steps(folder: Path) -> int:
    log = folder / "runs" / "0" / "log.csv"
    return len(log.read_text().splitlines()) - 1 if log.is_file() else 0


def weights(folder: Path) -> Any:
    return read_weights(folder, read_config(folder)["sha256"])


def test_an_array_and_two_processes(slurm, recipe, tmp_path):
    """An array of two tasks of one process, and one task of two: every one has its result and the table says so."""
    array, job = submitted(tmp_path / "array", recipe, [{"seed": 0}, {"seed": 1}])
    pair, other = submitted(tmp_path / "pair", recipe, [{}], tasks_per_node=2)
    ended(job)
    ended(other)
    assert array.summary().count("done") == 2
    assert pair.summary().count("done") == 1, (tmp_path / "pair" / "logs" / "0.log").read_text()
    assert json.loads((tmp_path / "array" / "results" / "1.json").read_text())["code"] == 0
    assert weights(tmp_path / "array" / "runs" / "0").keys() == weights(tmp_path / "pair" / "runs" / "0").keys()


def test_a_signal_in_the_middle_and_a_job_of_more_priority(slurm, recipe, tmp_path):
    """USR1 saves and requeues; a job in a higher partition preempts; both end with the weights of a run left alone."""
    recipe |= {"steps": 12}
    folder = tmp_path / "told"
    submission, job = submitted(folder, recipe, [{}])
    until(lambda: steps(folder) >= 2)
    subprocess.run(["scancel", "--signal=USR1", job], check=True)
    log = folder / "logs" / "0.log"
    until(lambda: "stopped on SIGUSR1, saved at step" in log.read_text())
    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=False, capture_output=True)

    def restarted():
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=False, capture_output=True)
        asked = subprocess.run(["squeue", "-h", "-j", job, "-o", "%T"], capture_output=True, text=True, check=False)
        return "RUNNING" in asked.stdout

    until(restarted)
    before = steps(folder)
    until(lambda: steps(folder) > before)
    urgent = ["sbatch", "--parsable", "-p", "urgent", "-n", str(os.cpu_count()), "--mem=14000M", "--wrap", "sleep 2"]
    subprocess.run([*urgent, "-o", "/dev/null"], check=True, capture_output=True)
    until(lambda: "stopped on SIGTERM, saved at step" in log.read_text())
    ended(job)
    assert submission.summary().count("done") == 1, log.read_text()
    alone = Submission(tmp_path / "alone", SITE, [{}])
    alone.lay_down(recipe)
    assert alone.run_here()
    ours, theirs = weights(folder / "runs" / "0"), weights(tmp_path / "alone" / "runs" / "0")
    assert all((ours[key] == theirs[key]).all() for key in ours)


def test_memory_and_staging(slurm, recipe, tmp_path, root):
    """A task beyond its memory is reported as such; of four tasks that race for the node's disk one copies."""
    submission, job = submitted(tmp_path / "small", recipe, [{}], memory="100M")
    code = (
        "import sys; sys.path.insert(0, 'tests'); from humboldt.batch import staging; copy = staging._copy\n"
        "def counted(a, b): open(sys.argv[2], 'a').write('x'); copy(a, b)\n"
        "staging._copy = counted; print(staging.staged(sys.argv[1]))"
    )
    words = ["srun", "-n", "4", "--overcommit", "--mem=8000M", sys.executable, "-c", code, str(root / recipe["data"])]
    env = {**os.environ, "HUMBOLDT_STAGE": str(tmp_path / "disk")}
    raced = subprocess.run([*words, str(tmp_path / "copies")], env=env, capture_output=True, text=True, check=False)
    assert raced.returncode == 0, raced.stderr
    assert len(set(raced.stdout.splitlines())) == 1
    assert (tmp_path / "copies").read_text() == "x"
    ended(job)
    assert "out of memory" in submission.summary(), (tmp_path / "small" / "logs" / "0.log").read_text()


def test_a_dry_run_is_taken_by_sbatch(slurm, recipe, tmp_path):
    submission = Submission(tmp_path / "dry", SITE, [{"seed": n} for n in range(3)])
    submission.lay_down(recipe)
    done = subprocess.run(
        ["sbatch", "--test-only", tmp_path / "dry" / "job.sh"], capture_output=True, text=True, check=False
    )
    assert "to start at" in done.stderr
    assert yaml.safe_load((tmp_path / "dry" / "tasks" / "2.yaml").read_text())["seed"] == 2
