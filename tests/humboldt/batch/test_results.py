import csv
import json

import pytest

from humboldt.batch import summary
from humboldt.batch.results import table, write


@pytest.fixture
def folder(tmp_path):
    for name in ("results", "logs", "runs"):
        (tmp_path / name).mkdir()
    return tmp_path


def told(folder, number, code=None, log=None, rows=()):
    if code is not None:
        (folder / "results" / f"{number}.json").write_text(json.dumps({"task": number, "code": code, "seconds": 5}))
    if log is not None:
        (folder / "logs" / f"{number}.log").write_text(log)
    if rows:
        (folder / "runs" / str(number)).mkdir()
        text = "step,seconds,rate,loss,validation\n" + "".join(f"{s},1,0.1,,{v}\n" for s, v in rows)
        (folder / "runs" / str(number) / "log.csv").write_text(text)


def test_every_task_says_what_became_of_it(folder):
    told(folder, 0, 0, "fine", [(5, 0.5), (10, 0.25), (15, 0.75)])
    told(folder, 1, 137, "slurmstepd: error: StepId=3.0 exceeded memory limit (5 > 4), being killed")
    told(folder, 2, 1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate")
    told(folder, 3, 2, "humboldt: error: a recipe has no key")
    told(folder, 4, 137, "Killed")
    told(folder, 5, None, "saved", [(5, 0.5)])
    rows = summary(folder, [{"seed": n} for n in range(7)])
    states = ["done", "out of memory", "out of memory", "failed", "killed", "unfinished", "waiting"]
    assert [row["state"] for row in rows] == states
    assert (rows[0]["steps"], rows[0]["validation"], rows[0]["seconds"]) == (15, 0.25, 5)
    assert next(csv.DictReader(write(folder, rows).read_text().splitlines()))["seed"] == "0"
    (folder / "results" / "0.json").write_text('{"task": 0,')
    assert summary(folder, [{}])[0]["state"] == "unfinished"
    told(folder, 0, 0)
    lines = table(rows).splitlines()
    assert lines[0].split() == ["task", "seed", "state", "steps", "validation", "seconds", "code"]
    assert lines[1].split() == ["0", "0", "done", "15", "0.25", "5", "0"]


def test_choices_that_are_called_like_what_is_told_are_kept(folder):
    told(folder, 0, 0, "fine", [(5, 0.5)])
    row = summary(folder, [{"steps": 9, "task": "regression", "seed": 3}])[0]
    assert (row["recipe.steps"], row["recipe.task"], row["seed"], row["task"], row["steps"]) == (
        9,
        "regression",
        3,
        0,
        5,
    )
    assert "recipe.task" in table([row])
