"""A folder that holds an array of runs: recipes, script, logs, results; handed to the queue, or run here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

import yaml

from ..stopping import EXIT, SIGNALS
from . import results
from .array import task_recipes
from .errors import BatchError
from .profile import Profile
from .script import SUBMIT, script


@dataclass(frozen=True)
class Submission:
    """An array of runs.

        job.sh              the batch script
        tasks.json          what each task chooses
        tasks/N.yaml        the whole recipe of a task; `humboldt finetune tasks/N.yaml` runs it by hand
        runs/N/             its run folder
        logs/N.log          what it said
        results/N.json      its exit code, host and seconds
        summary.csv         all tasks

    Attributes:
        folder: where all of this lies.
        profile: the site.
        tasks: what each task chooses.
    """

    folder: Path
    profile: Profile
    tasks: list[dict[str, Any]]

    def script(self) -> str:
        """The text of `job.sh`."""
        name = re.sub(r"\W+", "-", self.folder.name) or "humboldt"
        return script(self.profile, self.folder.absolute(), len(self.tasks), name, Path.cwd())

    def recipes(self, recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The recipe of every task.

        Raises:
            BatchError: more tasks than the site allows.
        """
        if len(self.tasks) > self.profile.largest_array:
            raise BatchError(
                f"{self.profile.name} takes {self.profile.largest_array} tasks in an array at most, got "
                f"{len(self.tasks)}; submit it in parts, or several seeds in one task"
            )
        return task_recipes(recipe, self.tasks, str(self.folder.absolute() / "runs"))

    def lay_down(self, recipe: Mapping[str, Any]) -> None:
        """Write everything that the tasks need; results of an earlier time stay.

        Raises:
            BatchError: the folder holds another array, or tasks that were done with another recipe.
        """
        recipes, told = self.recipes(recipe), self.folder / "tasks.json"
        if told.is_file() and json.loads(told.read_text()) != json.loads(json.dumps(self.tasks, default=str)):
            raise BatchError(f"a folder holds one array, but {told} differs from --array; choose another --output")
        for number, own in enumerate(recipes):
            self._require_done_so(number, own)
        for name in ("tasks", "runs", "logs", "results"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps(self.tasks, indent=1, default=str) + "\n")
        for number, own in enumerate(recipes):
            (self.folder / "tasks" / f"{number}.yaml").write_text(yaml.safe_dump(own, sort_keys=False))
        (self.folder / "job.sh").write_text(self.script())

    def _require_done_so(self, number: int, recipe: Mapping[str, Any]) -> None:
        """Refuse another recipe for a task that is done: what is there would be taken for what it asks."""
        from humboldt.finetune import HARMLESS, differences

        path = self.folder / "tasks" / f"{number}.yaml"
        if results.told(self.folder, number).get("code") != 0 or not path.is_file():
            return
        left = {*HARMLESS, "output"}
        before, now = (
            {key: value for key, value in yaml.safe_load(text).items() if key not in left}
            for text in (path.read_text(), yaml.safe_dump(dict(recipe)))
        )
        if found := differences(before, now):
            raise BatchError(
                f"a task that is done keeps its recipe, but in task {number} of {self.folder} {'; '.join(found[:3])}; "
                "choose another --output"
            )

    def submit(self) -> str:
        """Hand the script to the queue; returns the number of the job. Results of tasks that failed are forgotten.

        Raises:
            BatchError: there is no queue here, or it refuses.
        """
        command = SUBMIT[self.profile.scheduler].split()[0]
        if shutil.which(command) is None:
            raise BatchError(
                f"jobs are submitted by {command}, which is not here; log in to the cluster, or add --local"
            )
        path = self.folder / "job.sh"
        words = [command, "--parsable", str(path)] if command == "sbatch" else [command, str(path)]
        feed = path.read_text() if command == "bsub" else None
        done = subprocess.run(words, input=feed, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BatchError(f"{command} refused the job: {done.stderr.strip()}; correct the profile or {path}")
        for number in range(len(self.tasks)):
            if results.told(self.folder, number).get("code") != 0:  # it is run again
                (self.folder / "results" / f"{number}.json").unlink(missing_ok=True)
        return done.stdout.strip().split(";")[0]

    def run_here(self) -> bool:
        """Run the tasks that are not done, one after another, on this machine; whether all were come to.

        A task that is told to stop, itself or by a signal to this process, is saved, and no other is begun.
        """
        for number in range(len(self.tasks)):
            if results.told(self.folder, number).get("code") == 0:
                continue
            begin = time.monotonic()
            with (self.folder / "logs" / f"{number}.log").open("a") as log:
                words = [sys.executable, "-m", "humboldt", "finetune", str(self.folder / "tasks" / f"{number}.yaml")]
                code, stopped = ended(words, log)
            if code == EXIT or (stopped and code):
                return False
            told = {"task": number, "code": code, "host": "here", "seconds": round(time.monotonic() - begin)}
            aside = self.folder / "results" / f".{number}"
            aside.write_text(json.dumps(told) + "\n")
            os.replace(aside, self.folder / "results" / f"{number}.json")
            if stopped:
                return False
        return True

    def wait(self, job: str, every: float = 10.0) -> None:
        """Until the queue (of SLURM) knows nothing of the job any more; one that does not answer is asked again."""
        while True:
            done = subprocess.run(["squeue", "-h", "-j", job], capture_output=True, text=True, check=False)
            if "Invalid job id" in done.stderr or (not done.returncode and not done.stdout.strip()):
                return
            time.sleep(every)

    def summary(self) -> str:
        """What became of the tasks; also written to `summary.csv`."""
        rows = results.summary(self.folder, self.tasks)
        results.write(self.folder, rows)
        return results.table(rows)

    @property
    def done(self) -> bool:
        """Whether every task ended well."""
        return all(results.told(self.folder, number).get("code") == 0 for number in range(len(self.tasks)))


def ended(words: Sequence[str], log: IO[str]) -> tuple[int, bool]:
    """The exit code of a command, and whether a signal came to this process, which is passed on to it."""
    came: list[int] = []
    with subprocess.Popen(words, stdout=log, stderr=log) as process:

        def pass_on(number: int, frame: FrameType | None) -> None:
            came.append(number)
            process.send_signal(number)

        before = {number: signal.signal(number, pass_on) for number in SIGNALS}
        try:
            return process.wait(), bool(came)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
