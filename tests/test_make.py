"""The commands of the Makefile: what `make` lists, and that nothing is set up twice."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("help", "setup", "demo", "demo-weather", "test", "test-unit", "lint", "docs", "bench", "clean")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> str:
    done = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_alone_lists_every_command() -> None:
    listed = re.findall(r"^  make (\S+) +\S", make(), flags=re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ["setup", "demo", "demo-weather", "test", "lint", "docs", "bench"])
def test_set_up_comes_first_with_torch_before_the_rest_and_only_once(tmp_path: Path, command: str) -> None:
    fresh = make("-n", command, f"VENV={tmp_path}")
    torch, rest = fresh.index("'torch=="), fresh.index("-c constraints.txt -e '.[dev]'")
    assert torch < rest
    (stamp,) = re.findall(r"touch (\S+)", fresh)
    Path(stamp).touch()
    assert "pip install" not in make("-n", command, f"VENV={tmp_path}")
