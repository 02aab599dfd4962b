"""The laws of import and the measures of a file, for whatever the tree holds. Each law is shown a breach to find."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("foundations", "data_catalog", "domains", "finetune")
FOLDERS = ("humboldt", *ROOMS)
EVERYWHERE = (*FOLDERS, "tests", "benchmarks", "docs")
LONGEST_FILE = 350
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def python_files(*folders: str) -> list[Path]:
    """The files of these folders, relative to the root; the links inside `humboldt` are not followed twice."""
    found = (path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    linked = {("humboldt", name) for name in ROOMS}
    return sorted(path for path in found if path.parts[:2] not in linked and "_build" not in path.parts)


def module_name(path: Path) -> str:
    """The import name: foundations/norms.py is humboldt.foundations.norms."""
    parts = path.with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "humboldt" else ("humboldt", *parts))


PACKAGES = {module_name(path) for path in python_files(*FOLDERS) if path.name == "__init__.py"}
FILES = {module_name(path) for path in python_files(*FOLDERS)} - PACKAGES


def imports(tree: ast.AST) -> Iterator[tuple[str, int, list[str]]]:
    """Each import as (module, level, names); `import a.b` has no names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, 0, []) for alias in node.names)


def room(name: str) -> str:
    """The room of a module: a science of its own, one of the other folders, or the door."""
    parts = name.split(".")
    if parts[1:2] == ["domains"]:
        return ".".join(parts[:3])
    return ".".join(parts[:2]) if parts[1:] and parts[1] in ROOMS else "humboldt"


def bare_imports(tree: ast.AST) -> list[str]:
    return [module for module, level, _ in imports(tree) if level == 0 and module.split(".")[0] in ROOMS]


def breaches(path: Path, tree: ast.AST) -> list[str]:
    """What a source file imports against the laws: relative within a room, the public face of another."""
    own, is_face = module_name(path), path.name == "__init__.py"
    found = []
    for module, level, names in imports(tree):
        if level:
            package = own.split(".") if is_face else own.split(".")[:-1]
            target = ".".join(package[: len(package) - level + 1] + ([module] if module else []))
            if room(target) != room(own):
                found.append(f"relative import leaves the room: {'.' * level}{module}")
        elif module.split(".")[0] == "humboldt" and module != "humboldt._version":
            if room(module) == "humboldt" != room(own):
                found.append(f"the door is imported by nobody: {module}")
            elif room(module) == room(own) and module not in PACKAGES:
                found.append(f"inside a folder, import relative to the room-mate: {module}")
            elif module not in PACKAGES:
                found.append(f"name the public face, not an inner file: {module}")
            found += [f"name the public face: {module}.{name}" for name in names if is_inner_file(module, name)]
    return found


def is_inner_file(package: str, name: str) -> bool:
    """Whether `from package import name` takes a file rather than a name that the package shows."""
    if f"{package}.{name}" not in FILES:
        return False
    folder = ROOT.joinpath(*package.split(".")[0 if package == "humboldt" else 1 :])
    shown = (alias for _, _, names in imports(ast.parse((folder / "__init__.py").read_text())) for alias in names)
    return name not in shown


def parsed(path: Path) -> ast.AST:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def test_nothing_imports_a_folder_without_its_namespace() -> None:
    assert {str(p): bare for p in python_files(*EVERYWHERE) if (bare := bare_imports(parsed(p)))} == {}


def test_imports_name_room_mates_or_public_faces() -> None:
    assert {str(p): found for p in python_files(*FOLDERS) if (found := breaches(p, parsed(p)))} == {}


def test_bare_imports_are_found() -> None:
    bare = "import finetune\ndef f():\n    from foundations.core import Core\n"
    sound = "from humboldt.finetune import x\nfrom .finetune import y\n"
    assert bare_imports(ast.parse(bare + sound)) == ["finetune", "foundations.core"]


@pytest.mark.parametrize(
    ("path", "line", "law"),
    [
        ("domains/pde/data.py", "from ..weather import grid", "leaves the room"),
        ("domains/pde/data.py", "from ...finetune import fit", "leaves the room"),
        ("domains/pde/data.py", "from humboldt.domains.pde.batch import Batch", "relative to the room-mate"),
        ("domains/pde/data.py", "from humboldt.foundations.core import Core", "not an inner file"),
        ("domains/pde/data.py", "import humboldt.foundations.core", "not an inner file"),
        ("domains/pde/data.py", "from humboldt import evaluate", "imported by nobody"),
        ("foundations/core.py", "from humboldt.cli import main", "imported by nobody"),
        ("finetune/fit.py", "def f():\n    import humboldt", "imported by nobody"),
        ("humboldt/cli.py", "from humboldt.demo import demo", "relative to the room-mate"),
    ],
)
def test_breaches_are_found(path: str, line: str, law: str) -> None:
    (found,) = breaches(Path(path), ast.parse(line))
    assert law in found


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("domains/pde/data.py", "from .batch import Batch"),
        ("domains/pde/data.py", "from .solvers import waves"),
        ("domains/pde/solvers/waves.py", "from ..batch import Batch"),
        ("domains/pde/data.py", "from humboldt.foundations import Core"),
        ("domains/pde/data.py", "from humboldt.domains.pde.solvers import waves"),
        ("foundations/hub.py", "from humboldt._version import __version__"),
        ("humboldt/cli.py", "from .demo import demo"),
        ("humboldt/cli.py", "from humboldt.domains.pde import Pde"),
    ],
)
def test_what_the_laws_allow_is_left_alone(path: str, line: str) -> None:
    assert breaches(Path(path), ast.parse(line)) == []


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command as main; main(['--no-cache'])"
    return subprocess.run([sys.executable, "-c", code], cwd=house, capture_output=True, text=True, timeout=120)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the sources with its links, so that a breach can be planted in it."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path in python_files(*FOLDERS):
        (tmp_path / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    for name in ROOMS:
        (tmp_path / "humboldt" / name).symlink_to(Path("..") / name)
    return tmp_path


def test_contracts_hold(house: Path) -> None:
    done = lint_imports(house)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("domains/pde/planted.py", "from humboldt.finetune import x", "floors"),
        ("foundations/planted.py", "from humboldt.domains.pde import x", "floors"),
        ("data_catalog/planted.py", "from humboldt.foundations import x", "floors"),
        ("domains/planted/__init__.py", "from humboldt.domains.pde import x", "no science imports a sibling"),
        ("finetune/planted.py", "from humboldt.data_catalog import x", "finetune reaches a domain"),
        ("foundations/planted.py", "import xarray", "the core knows tensors alone"),
        ("data_catalog/planted.py", "def f():\n    import torch", "the data know labels alone"),
    ],
)
def test_contracts_find_a_planted_breach(house: Path, path: str, line: str, contract: str) -> None:
    (house / path).parent.mkdir(exist_ok=True)
    (house / path).write_text(line)
    broken = [text for text in lint_imports(house).stdout.splitlines() if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), broken


def test_files_are_short() -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in python_files(*FOLDERS)}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_files_are_called_after_their_subject() -> None:
    assert [str(path) for path in python_files(*EVERYWHERE) if {*path.parts[:-1], path.stem} & EMPTY_NAMES] == []


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_public_names_exist_once(package: str) -> None:
    module = import_module(package)
    names = list(getattr(module, "__all__", []))
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(module, name)] == []


def test_annotations_of_shapes_are_checked_in_this_run() -> None:
    """A vector is no batch of tokens; the norm itself would take it."""
    import torch
    from jaxtyping import TypeCheckError

    from humboldt.foundations import TimeNorm

    assert TimeNorm(3)(torch.zeros(1, 3)).shape == (1, 3)
    with pytest.raises(TypeCheckError, match=r"b \*grid d"):
        TimeNorm(3)(torch.zeros(3))
