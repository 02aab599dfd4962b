"""humboldt leaderboard RECORDS... --output FOLDER"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> int:
    """Build the pages and say what smells; 1 with --strict where something does."""
    parser = make_parser("leaderboard", "Build static pages from result records, and say what is misleading in them.")
    parser.add_argument("records", nargs="+", type=str, help="files of result records, JSON lines")
    add = parser.add_argument
    option(add, "output", str, "leaderboard", "folder of the pages; replaced if it is a leaderboard")
    option(add, "title", str, "Leaderboard", "title of the pages")
    option(add, "online", bool, False, "ask the URLs of records whether they answer")
    option(add, "strict", bool, False, "end with status 1 where something smells")
    given = parse(parser, words)
    from ..leaderboard import build_leaderboard
    from ..leaderboard.smells import answers
    from ..results import read_results

    results = read_results(*given["records"])
    smells = build_leaderboard(
        results,
        given["output"],
        title=given["title"],
        links_from=Path(given["records"][0]).parent,
        reach=answers if given["online"] else None,
    )
    for smell in smells:
        print(f"{smell.kind}: {smell.message} ({', '.join(smell.keys[:3])}{', ...' if len(smell.keys) > 3 else ''})")
    print(f"{len(results)} results, {len(smells)} smells: {Path(given['output']) / 'index.html'}")
    return int(bool(smells) and given["strict"])
