"""humboldt prefetch RECIPE.yaml ... --manifest prefetched.json"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..batch import prefetch, verify
from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> int:
    """Fetch what recipes need, on a machine with a network."""
    parser = make_parser(
        "prefetch",
        "Fetch the weights and data that recipes name, and write a manifest; compute nodes then need no network.",
    )
    parser.add_argument("recipes", nargs="*", type=str, help="YAML files with model and data")
    option(parser.add_argument, "manifest", str, "prefetched.json", "file that says what lies where")
    option(parser.add_argument, "check", bool, False, "compare what is here with the manifest; fetch nothing")
    given = parse(parser, words)
    manifest = Path(given["manifest"])
    if given["check"]:
        wrong = verify(manifest)
        print("\n".join(wrong) if wrong else f"all that {manifest} lists is here")
        return 1 if wrong else 0
    if not given["recipes"]:
        raise UsageError("prefetch takes recipes, got none; name the YAML files of the runs")
    from humboldt.finetune import read_yaml

    for row in prefetch([read_yaml(path) for path in given["recipes"]], manifest):
        print(f"{row['kind']:6} {row['name']}  {row['bytes'] / 1e6:.1f} MB  {row['path']}")
    return 0
