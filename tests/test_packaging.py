"""What the wheel holds, and that it works in a folder with nothing of ours but a script called finetune.py."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("foundations", "data_catalog", "domains", "finetune")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IGNORED = {"__pycache__", ".DS_Store"}


def sources() -> list[Path]:
    """Every file that the wheel should hold, relative to the root, each once although `humboldt` links to folders."""
    door = ROOT / "humboldt"
    found = [path for path in door.iterdir() if path.is_file()]
    rooms = ("batch", "commands", "embedded", "leaderboard", "protocols")
    found += [path for name in rooms for path in door.glob(f"{name}/**/*") if path.is_file()]
    found += [path for name in ROOMS for path in (ROOT / name).rglob("*") if path.is_file()]
    return sorted(path.relative_to(ROOT) for path in found if not IGNORED & {*path.parts})


def name_in_wheel(path: Path) -> str:
    return (path if path.parts[0] == "humboldt" else Path("humboldt") / path).as_posix()


def test_every_package_is_listed() -> None:
    tree = {name_in_wheel(path.parent).replace("/", ".") for path in sources() if path.name == "__init__.py"}
    assert tree == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_python_file_lies_in_a_package() -> None:
    folders = {path.parent for path in sources() if path.suffix == ".py"}
    assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("name", ROOMS)
def test_links_are_relative(name: str) -> None:
    link = ROOT / "humboldt" / name
    assert not link.exists() or (link.is_symlink() and os.readlink(link) == f"../{name}")


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name: Version(version) for name, version in pairs}


def test_torch_is_pinned_first() -> None:
    assert next(iter(pins())) == "torch"


def test_every_dependency_is_pinned_within_its_range() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    (own,) = (Requirement(line) for line in extras["dev"] if line.startswith("humboldt["))
    lines = PROJECT["project"]["dependencies"] + extras["dev"] + [line for name in own.extras for line in extras[name]]
    needed = [r for r in map(Requirement, lines) if r.name != "humboldt"]
    pinned = pins()
    names = {r: r.name.lower().replace("_", "-") for r in needed}
    assert [str(r) for r in needed if names[r] not in pinned or pinned[names[r]] not in r.specifier] == []


def build_wheel(tree: Path) -> Path:
    """Build from a copy of the tree, without links or with them, as they are there."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tree / "dist").glob("*.whl")
    return wheel


def copy_of_tree(tree: Path, *, links: bool) -> Path:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    for path in sources():
        (tree / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    for name in ROOMS if links else ():
        (tree / "humboldt" / name).symlink_to(Path("..") / name)
    return tree


@pytest.fixture(scope="module")
def plain_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a tree without links."""
    return build_wheel(copy_of_tree(tmp_path_factory.mktemp("tree"), links=False))


@pytest.mark.integration
@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_wheel_holds_every_file_once(tmp_path: Path, plain_wheel: Path, links: bool) -> None:
    built = build_wheel(copy_of_tree(tmp_path, links=True)) if links else plain_wheel
    with zipfile.ZipFile(built) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert sorted(names) == sorted(name_in_wheel(path) for path in sources())
    assert "humboldt/py.typed" in names


@pytest.mark.integration
def test_wheel_works_beside_a_script_called_finetune(tmp_path: Path, plain_wheel: Path) -> None:
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*command, str(installed), str(plain_wheel)], check=True, timeout=300)
    script = elsewhere / "finetune.py"
    script.write_text(
        "import sys, humboldt, humboldt.finetune, humboldt.domains.pde\n"
        "ours = {name: m.__file__ for name, m in sys.modules.items() if name.split('.')[0] == 'humboldt'}\n"
        f"strangers = {{n: file for n, file in ours.items() if not file.startswith({str(installed)!r})}}\n"
        "assert not strangers, strangers\n"
        "model = humboldt.from_pretrained('humboldt/pde-nano')\n"
        "assert sum(p.numel() for p in model.parameters()) > 10**6\n"
        "print(len(ours), humboldt.__version__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, script.name], cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    modules, version = done.stdout.split()
    assert int(modules) >= len(["humboldt", "humboldt.finetune", "humboldt.domains", "humboldt.domains.pde"])
    assert plain_wheel.name.startswith(f"humboldt-{version}-")
