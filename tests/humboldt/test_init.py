import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest


def run(root: Path, code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_exists() -> None:
    humboldt = import_module("humboldt")
    assert all(hasattr(humboldt, name) for name in humboldt.__all__)
    assert set(humboldt.__all__) <= set(dir(humboldt))


def test_type_checkers_are_shown_the_same_verbs(root: Path) -> None:
    tree = ast.parse((root / "humboldt" / "__init__.py").read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [line for block in blocks for line in block.body if isinstance(line, ast.ImportFrom)]
    shown = {alias.asname for line in imports for alias in line.names}
    assert shown == set(import_module("humboldt").__all__) - {"__version__"}


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'fine_tune'; it has: __version__"):
        import_module("humboldt").fine_tune  # noqa: B018


@pytest.mark.parametrize("first", ["", "import humboldt.finetune", "from humboldt.finetune import *"])
def test_a_verb_named_like_a_folder_is_callable_in_any_order(root: Path, first: str) -> None:
    code = f"""
import sys, types, humboldt
humboldt._HOME["finetune"] = "stand_in"
sys.modules["stand_in"] = types.SimpleNamespace(finetune=lambda model, rank=8: [model, rank])
{first}
import json; print(json.dumps(humboldt.finetune("m", rank=4)))
import humboldt.finetune as folder
assert folder is sys.modules["humboldt.finetune"] and folder("n") == ["n", 8]
"""
    assert json.loads(run(root, code)) == ["m", 4]


def test_import_is_light(root: Path) -> None:
    code = """
import sys, time
start = time.perf_counter()
import humboldt
seconds = time.perf_counter() - start
heavy = {"torch", "xarray", "numpy", "pandas", "lightning", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
print(seconds)
"""
    assert min(float(run(root, code)) for _ in range(3)) < 0.3
