"""The pages hold together: links lead somewhere, decisions have five headings, the index reaches every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
HEADINGS = ["Status", "Context", "Decision", "Consequences", "Alternatives"]
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"_build", "jupyter_execute"} & {*path.parts})
FRONT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """The text of a page without its code."""
    return re.sub(r"^(`{3,}).*?^\1", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def targets(path: Path) -> list[Path]:
    """The files of this repository that a page links to or shows."""
    text = prose(path)
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    files = [path.parent / link for link in links if not re.match(r"[a-z]+:", link)]
    documents = re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", text)
    return files + [(DOCS / d[1:] if d.startswith("/") else path.parent / d).with_suffix(".md") for d in documents]


def entries(path: Path) -> set[Path]:
    """The pages that the tables of contents of a page reach."""
    blocks = re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    return {found.resolve() for line in lines for found in path.parent.glob(f"{line}.md")}


@pytest.mark.parametrize("path", [*FRONT, *PAGES], ids=name)
def test_links_lead_to_files(path: Path) -> None:
    assert [str(target) for target in targets(path) if not target.exists()] == []


def test_every_page_is_reached_from_the_index() -> None:
    reached, waiting = set(), [(DOCS / "index.md").resolve()]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting += entries(page) - reached
    assert {name(path) for path in PAGES} - {path.relative_to(ROOT).as_posix() for path in reached} == set()


@pytest.mark.parametrize("path", DECISIONS, ids=name)
def test_a_decision_has_its_number_and_five_headings(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS
    sections = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(section.strip() for section in sections)


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", [ROOT / "CONTRIBUTING.md", *DECISIONS], ids=name)
def test_it_fits_a_screen(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 50


def test_readme_begins_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, python = re.findall(r"^```(?:bash|python)\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE)[:2]
    assert re.findall(r"^make (\w+)", first, flags=re.MULTILINE) == ["demo", "test"]
    assert len([line for line in python.splitlines() if line]) <= 10


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("see [this](gone.md)", "gone.md"),
        ("![plot](_static/gone.png)", "_static/gone.png"),
        ("see {doc}`gone`", "gone.md"),
        ("see {doc}`text <../gone>`", "../gone.md"),
        ("```\n[code](gone.md)\n```\n[far](https://example.org)", None),
    ],
)
def test_links_are_found(tmp_path: Path, text: str, target: str | None) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert targets(page) == ([tmp_path / target] if target else [])
