import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROW = {"case": "a", "ours": 1.0, "peer": 4.0, "peer_name": "other", "unit": "CPU s", "ratio": 0.25}


@pytest.fixture(scope="module")
def run_all(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_all", root / "benchmarks" / "run_all.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def question(folder: Path, rows: object, status: int = 0) -> Path:
    path = folder / "speed.py"
    path.write_text(
        "import json, sys\n"
        "assert sys.argv[1] == '--quick' and sys.argv[2] == '--json'\n"
        f"open(sys.argv[3], 'w').write(json.dumps({rows!r}))\nsys.exit({status})\n"
    )
    return path


def test_a_question_is_asked_and_its_record_kept(run_all: ModuleType, tmp_path: Path) -> None:
    record = tmp_path / "records" / "speed.json"
    assert run_all.ask(question(tmp_path, [ROW]), record, quick=True) == [ROW]
    assert json.loads(record.read_text()) == [ROW]


def test_a_question_that_fails_stops_the_run(run_all: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run_all.ask(question(tmp_path, [ROW], status=3), tmp_path / "records" / "speed.json", quick=True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "at least one row"),
        ([{"case": "a"}], "a row has the columns"),
        ([ROW | {"ratio": 4.0}], "the ratio is ours / peer, and 4.0 is not"),
    ],
)
def test_a_faulty_record_is_refused(run_all: ModuleType, rows: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_all.check(rows, "speed")


def test_the_runner_and_private_files_are_not_asked(run_all: ModuleType, tmp_path: Path) -> None:
    for name in ("core.py", "run_all.py", "_timing.py"):
        (tmp_path / name).touch()
    assert [path.name for path in run_all.questions(tmp_path)] == ["core.py"]


def test_the_page_shows_every_row(run_all: ModuleType) -> None:
    text = run_all.page({"speed": [ROW]}, quick=True)
    assert "## speed" in text
    assert "| a | 1 | 4 | CPU s | other | 0.25 |" in text
