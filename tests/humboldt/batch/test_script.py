"""What a batch script says, and what it does when it is run without a queue."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from humboldt.batch import Profile, script

FULL = Profile(
    name="there",
    account="project1",
    partition="fast",
    time="02:00:00",
    nodes=2,
    tasks_per_node=4,
    cpus_per_task=8,
    gpus_per_node=4,
    memory="64G",
    at_once=10,
    modules=("GCC", "CUDA"),
    container="apptainer exec --nv humboldt.sif",
    environment={"NCCL_DEBUG": "WARN"},
    local_disk="$TMPDIR/data",
    options=("--constraint=a100",),
)


def test_the_script_of_slurm_asks_for_what_the_profile_says():
    text = script(FULL, Path("sweep"), 20, "sweep", Path("/home/me"))
    for line in (
        *("account=project1", "partition=fast", "time=02:00:00", "nodes=2", "ntasks-per-node=4", "cpus-per-task=8"),
        *("gres=gpu:4", "mem=64G", "array=0-19%10", "signal=USR1@120", "output=sweep/logs/%a.log", "open-mode=append"),
        "constraint=a100",
    ):
        assert f"\n#SBATCH --{line}\n" in text
    assert "\n#SBATCH --requeue\n" in text
    for line in (
        *("cd /home/me", "export OMP_NUM_THREADS=8", "export HF_HUB_OFFLINE=1", "export NCCL_DEBUG=WARN"),
        *('export HUMBOLDT_STAGE="$TMPDIR/data"', "module load GCC", "task=${SLURM_ARRAY_TASK_ID:-0}"),
    ):
        assert f"\n{line}\n" in text
    command = 'srun --kill-on-bad-exit=1 apptainer exec --nv humboldt.sif humboldt finetune sweep/tasks/"$task".yaml'
    assert f"\n{command}\n" in text


@pytest.mark.parametrize("scheduler", ["pbs", "lsf"])
def test_other_schedulers_are_marked_untested(scheduler):
    site = Profile(scheduler=scheduler, tasks_per_node=2, cpus_per_task=4, gpus_per_node=2, at_once=5)
    text = script(site, Path("s"), 3, "s", Path("/"))
    assert "# UNTESTED: this form was written from the manual and never run" in text
    assert "torchrun --nproc-per-node 2 --no-python" in text
    assert '\nexec >> s/logs/"$task".log 2>&1\n' in text  # where the summary looks for what a task said
    asked = {
        "pbs": ("-l select=1:ncpus=8:mpiprocs=2:ngpus=2", "-J 0-2%5"),
        "lsf": ("-n 8", '-R "span[ptile=8]"', '-gpu "num=2"', '-J "s[1-3]%5"'),
    }[scheduler]
    for line in asked:
        assert f"{line}\n" in text


def test_a_folder_may_have_a_blank_in_its_name():
    text = script(Profile(), Path("/a b/s"), 3, "s", Path("/a b"))
    assert "\n#SBATCH --output='/a b/s/logs/%a.log'\n" in text
    assert "\ncd '/a b'\n" in text


def test_modules_may_use_variables_that_are_not_set():
    lines = script(FULL, Path("s"), 2, "s", Path("/")).splitlines()
    assert lines.index("module load CUDA") < lines.index("set -u") < lines.index('export HUMBOLDT_STAGE="$TMPDIR/data"')


@pytest.mark.parametrize("scheduler", ["slurm", "pbs", "lsf"])
def test_every_script_is_bash(scheduler):
    text = script(Profile(scheduler=scheduler), Path("a folder"), 3, "s", Path("/"))
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (3, False), (85, True)])
def test_a_script_writes_the_result_or_asks_to_go_on(tmp_path, code, requeued):
    """With stand-ins for the commands of the cluster."""
    tools = tmp_path / "bin"
    (tmp_path / "results").mkdir(), tools.mkdir()
    for name, body in (
        ("srun", 'shift\nexec "$@"'),
        ("humboldt", f"exit {code}"),
        ("scontrol", f'echo "$@" > {tmp_path}/asked'),
    ):
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    text = script(Profile(), tmp_path, 2, "s", tmp_path)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "1", "SLURM_JOB_ID": "42"}
    done = subprocess.run(["bash"], input=text, text=True, env=env, check=False)
    result = tmp_path / "results" / "1.json"
    if requeued:
        assert (tmp_path / "asked").read_text() == "requeue 42\n"
        assert not result.exists()
        assert done.returncode == 0
    else:
        told = json.loads(result.read_text())
        assert (told["task"], told["code"], done.returncode) == (1, code, code)


@pytest.mark.parametrize(("scheduler", "code"), [("pbs", 0), ("lsf", 3), ("pbs", 85), ("lsf", 85)])
def test_a_script_with_torchrun_knows_a_saved_run_from_a_failed_one(tmp_path, scheduler, code):
    """`torchrun` itself says 1 for both; that of PyTorch is used, with a stand-in for the command."""
    tools = tmp_path / "bin"
    (tmp_path / "results").mkdir(), (tmp_path / "logs").mkdir(), tools.mkdir()
    (tools / "humboldt").write_text(f'#!/bin/bash\n[ "$2" = "{tmp_path}/tasks/1.yaml" ] && exit {code}\n')
    (tools / "torchrun").write_text(f'#!/bin/bash\nexec {sys.executable} -m torch.distributed.run "$@"\n')
    for name in ("humboldt", "torchrun"):
        (tools / name).chmod(0o755)
    text = script(Profile(scheduler=scheduler, tasks_per_node=2), tmp_path, 2, "s", tmp_path)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PBS_ARRAY_INDEX": "1", "LSB_JOBINDEX": "2"}
    done = subprocess.run(["bash"], input=text, text=True, env=env, check=False)
    result = tmp_path / "results" / "1.json"
    assert result.exists() == (code != 85), (tmp_path / "logs" / "1.log").read_text()
    assert done.returncode == {0: 0, 3: 1, 85: 85}[code]
