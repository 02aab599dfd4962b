"""A plain batch script: readable, to be kept, and to be run again by hand."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..stopping import EXIT
from .profile import Profile, seconds


def script(profile: Profile, folder: Path, tasks: int, name: str, here: Path) -> str:
    """The text of the batch script of a submission.

    Args:
        profile: the site.
        folder: of the submission, which holds `tasks/N.yaml`.
        tasks: how many.
        name: of the job.
        here: working folder of the job.
    """
    head, index, again = HEADS[profile.scheduler](profile, folder, tasks, name)
    environment = {
        "OMP_NUM_THREADS": str(profile.cpus_per_task),
        **({"HUMBOLDT_OFFLINE": "1", "HF_HUB_OFFLINE": "1"} if profile.offline else {}),
        **profile.environment,
    }
    lines = [f"module load {module}" for module in profile.modules]  # many of them use variables that are not set
    lines += ["set -u", *(f"export {key}={shlex.quote(str(value))}" for key, value in environment.items())]
    if profile.local_disk:
        lines.append(f'export HUMBOLDT_STAGE="{profile.local_disk}"')
    if profile.scheduler != "slurm":  # which has said so above, and signals the processes and not the script
        lines.append(f'exec >> {shlex.quote(str(folder / "logs"))}/"$task".log 2>&1')
        lines.append("trap : USR1 USR2 TERM  # the processes save; the script waits for them")
    results, recipe = shlex.quote(str(folder / "results")), shlex.quote(str(folder / "tasks")) + '/"$task".yaml'
    command = " ".join(part for part in (profile.container, "humboldt finetune") if part)
    command = LAUNCH[profile.scheduler](profile, command, recipe, results)
    return f"""#!/bin/bash
# Written by `humboldt submit` for {profile.name}. Keep it, edit it, run it by hand: {SUBMIT[profile.scheduler]} job.sh
{head}
cd {shlex.quote(str(here))}
task={index}
{chr(10).join(lines)}

{command}
code=$?

if [ $code -eq {EXIT} ]; then  # a signal came and the run is saved: go on later
{again}
    exit {EXIT}
fi
printf '{{"task": %d, "code": %d, "host": "%s", "seconds": %d}}\\n' \\
    "$task" $code "$(hostname)" $SECONDS > {results}/."$task" &&
    mv {results}/."$task" {results}/"$task".json
exit $code
"""


def _slurm(profile: Profile, folder: Path, tasks: int, name: str) -> tuple[str, str, str]:
    at_once = f"%{profile.at_once}" if profile.at_once else ""
    log = folder / "logs" / ("%a.log" if tasks > 1 else "0.log")
    asked = {
        "job-name": name,
        "account": profile.account,
        "partition": profile.partition,
        "time": profile.time,
        "nodes": profile.nodes,
        "ntasks-per-node": profile.tasks_per_node,
        "cpus-per-task": profile.cpus_per_task,
        "gres": f"gpu:{profile.gpus_per_node}" if profile.gpus_per_node else None,
        "mem": profile.memory,
        "array": f"0-{tasks - 1}{at_once}" if tasks > 1 else None,
        "signal": f"USR1@{min(profile.warning, seconds(profile.time) // 2)}",
        "output": log,
        "open-mode": "append",
    }
    lines = [f"#SBATCH --{key}={shlex.quote(str(value))}" for key, value in asked.items() if value is not None]
    lines += ["#SBATCH --requeue", *(f"#SBATCH {option}" for option in profile.options)]
    again = '    scontrol requeue "$SLURM_JOB_ID" && exit 0'
    return "\n".join(lines), "${SLURM_ARRAY_TASK_ID:-0}", again


def _pbs(profile: Profile, folder: Path, tasks: int, name: str) -> tuple[str, str, str]:
    gpus = f":ngpus={profile.gpus_per_node}" if profile.gpus_per_node else ""
    memory = f":mem={profile.memory}" if profile.memory else ""
    cores, at_once = profile.tasks_per_node * profile.cpus_per_task, f"%{profile.at_once}" if profile.at_once else ""
    shape = f"select={profile.nodes}:ncpus={cores}:mpiprocs={profile.tasks_per_node}{gpus}{memory}"
    lines = [
        "# UNTESTED: this form was written from the manual and never run",
        f"#PBS -N {name}",
        *([f"#PBS -A {profile.account}"] if profile.account else []),
        *([f"#PBS -q {profile.partition}"] if profile.partition else []),
        f"#PBS -l {shape}",
        f"#PBS -l walltime={profile.time}",
        *([f"#PBS -J 0-{tasks - 1}{at_once}"] if tasks > 1 else []),
        "#PBS -r y",
        "#PBS -j oe",
        f"#PBS -o {folder / 'logs'}/",
        *(f"#PBS {option}" for option in profile.options),
    ]
    return (
        "\n".join(lines),
        "${PBS_ARRAY_INDEX:-0}",
        "    # the site requeues what ends with this code, or submit the script again",
    )


def _lsf(profile: Profile, folder: Path, tasks: int, name: str) -> tuple[str, str, str]:
    minutes, at_once = seconds(profile.time) // 60, f"%{profile.at_once}" if profile.at_once else ""
    lines = [
        "# UNTESTED: this form was written from the manual and never run",
        f'#BSUB -J "{name}[1-{tasks}]{at_once}"' if tasks > 1 else f"#BSUB -J {name}",
        *([f"#BSUB -P {profile.account}"] if profile.account else []),
        *([f"#BSUB -q {profile.partition}"] if profile.partition else []),
        f"#BSUB -n {profile.cores}",
        f'#BSUB -R "span[ptile={profile.cores // profile.nodes}]"',
        *([f'#BSUB -gpu "num={profile.gpus_per_node}"'] if profile.gpus_per_node else []),
        f"#BSUB -W {minutes // 60:02d}:{minutes % 60:02d}",
        *([f"#BSUB -M {profile.memory}"] if profile.memory else []),
        "#BSUB -wa TERM",
        f"#BSUB -wt {max(1, profile.warning // 60)}",
        f"#BSUB -Q {EXIT}",
        f"#BSUB -o {folder / 'logs'}/%J.queue",
        *(f"#BSUB {option}" for option in profile.options),
    ]
    index = "$((${LSB_JOBINDEX:-1} - 1))" if tasks > 1 else "0"
    return "\n".join(lines), index, "    # the queue runs it again (-Q)"


def _srun(profile: Profile, command: str, recipe: str, results: str) -> str:
    return f"srun --kill-on-bad-exit=1 {command} {recipe}"


def _torchrun(profile: Profile, command: str, recipe: str, results: str) -> str:
    """`torchrun` ends with 1 whatever its processes end with: one that has saved on a signal leaves a mark."""
    if profile.processes == 1:
        return f"{command} {recipe}"
    mark = f'{results}/."$task".saved'
    each = f'{command} "$0" || {{ code=$?; [ $code -ne {EXIT} ] || touch "$1"; exit $code; }}'
    return f"""rm -f {mark}
torchrun --nproc-per-node {profile.tasks_per_node} --no-python \\
    bash -c {shlex.quote(each)} {recipe} {mark} || ( [ -e {mark} ] && exit {EXIT} )"""


HEADS = {"slurm": _slurm, "pbs": _pbs, "lsf": _lsf}
LAUNCH = {"slurm": _srun, "pbs": _torchrun, "lsf": _torchrun}
SUBMIT = {"slurm": "sbatch", "pbs": "qsub", "lsf": "bsub <"}
