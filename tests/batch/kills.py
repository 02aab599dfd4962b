"""SIGKILL at random instants of a small run: what was lost, and whether the run that goes on ends as if nothing was.

`python -m tests.batch.kills --kills 30 --csv docs/experiments/records/kills.csv`

Instants are processor time of the run, so that other work on the machine does not shift them. Two of three are drawn
over the whole run, from its first line to the end of its last file; every third one lies within a save: after a drawn
instant, when a file appears that is being written. A run that was done before its instant is no kill and is drawn
again.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file

import humboldt.finetune.training  # noqa: F401  what `fit` imports late: a child spends its time on the run
from humboldt.finetune import Recipe, fit
from tests.finetune.tiny import Waves, tiny_model

RECIPE = Recipe(steps=12, batch_size=4, core_rate=1e-3, validate_every=5, save_every=3, log_every=1)
WRITING = ("checkpoints/last.ckpt.step*", ".saving-*")


@dataclass(frozen=True)
class Kill:
    """One kill and what came of it.

    Attributes:
        instant: processor seconds after the start, and `share` of those of an undisturbed run.
        during: `save` if something was half written, `start` before the first step, else `step`.
        step: the last one that was finished.
        checkpoint: the step of the newest checkpoint, 0 for none.
        lost: steps that had to be made again.
        resumed: how the run that went on ended: `same` weights to the bit, `other` weights, or its exit code.
    """

    instant: float
    share: float
    during: str
    step: int
    checkpoint: int
    lost: int
    resumed: str


def run(folder: Path) -> None:
    torch.set_num_threads(1)
    fit(tiny_model(0.2), Waves(), Waves(6, 1), RECIPE, folder=folder, progress=False)


def started(work: Callable[[], None]) -> int:
    """The id of a child that works; everything is imported already."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return child


def ended(child: int) -> int:
    """Its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(folder: Path, whole: Path, instant: float, length: float, in_save: bool) -> Kill | None:
    """Kill one run, then let it go on; None if it was done before."""
    child, passed = started(lambda: run(folder)), 0.0
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        passed = spent(child)
        if passed >= instant and (writing(folder) or not in_save):
            break
        time.sleep(5e-4)
    os.kill(child, signal.SIGKILL)
    if ended(child) != -signal.SIGKILL:
        return None
    step, newest, half = logged(folder), saved(folder), bool(writing(folder))
    during = "save" if half else "step" if step else "start"
    code = ended(started(lambda: run(folder)))
    resumed = str(code) if code else "same" if same(folder, whole) else "other"
    return Kill(round(passed, 3), round(passed / length, 3), during, step, newest, step - newest, resumed)


def spent(child: int) -> float:
    """Processor seconds of a child so far (Linux)."""
    return int(Path(f"/proc/{child}/schedstat").read_text().split()[0]) / 1e9


def writing(folder: Path) -> list[Path]:
    return [path for pattern in WRITING for path in folder.glob(pattern)]


def logged(folder: Path) -> int:
    """The last step of the log."""
    log = folder / "log.csv"
    rows = list(csv.DictReader(log.read_text().splitlines())) if log.is_file() else []
    return max((int(row["step"]) for row in rows), default=0)


def saved(folder: Path) -> int:
    """The step of the newest checkpoint; it is read, so a broken one is an error."""
    path = folder / "checkpoints" / "last.ckpt"
    return int(torch.load(path, weights_only=True)["global_step"]) if path.is_file() else 0


def same(ours: Path, theirs: Path) -> bool:
    found, expected = (load_file(folder / "model.safetensors") for folder in (ours, theirs))
    return found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in found)


def kills(count: int, seed: int, root: Path) -> Iterator[Kill]:
    """So many kills of one run, each in a folder of its own."""
    random.seed(seed)
    lengths = [length_of(root / name) for name in ("cold", "whole")]  # the first run fills caches
    done, tried = 0, 0
    while done < count:
        assert tried < 10 * count, f"only {done} of {tried} runs were still there to be killed"
        kill = killed(root / str(tried), root / "whole", random.uniform(0, lengths[-1]), lengths[-1], done % 3 == 2)
        tried += 1
        if kill is not None:
            done += 1
            yield kill


def length_of(folder: Path) -> float:
    """Processor seconds of a run that is left alone."""
    child, length = started(lambda: run(folder)), 0.0
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        length = spent(child)
        time.sleep(1e-3)
    assert ended(child) == 0
    return length


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    names = [field.name for field in fields(Kill)]
    with tempfile.TemporaryDirectory() as root:
        rows = []
        for kill in kills(given.kills, given.seed, Path(root)):
            rows.append(kill)
            print(*asdict(kill).values(), sep="\t", flush=True)
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    return 0 if all(row.resumed == "same" and row.lost <= RECIPE.save_every for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
