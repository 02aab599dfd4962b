"""humboldt design MODEL REWARD --output FOLDER"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from pathlib import Path

from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Tune a generative model towards a reward."""
    parser = make_parser("design", "Tune a model of molecules towards a reward.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    text = "expression of descriptors, such as 'qed - 0.1 * abs(logp - 2.5)', or FILE.py:FUNCTION of a SMILES"
    parser.add_argument("reward", type=str, help=text)
    add = parser.add_argument
    option(add, "output", str | None, None, "folder for the tuned model and design.json")
    option(add, "method", str, "rejection", "rejection (learn from the best), ppo, or balance (draw in proportion)")
    option(add, "rounds", int, 3, "rounds of drawing and training")
    option(add, "samples", int, 1000, "molecules drawn before each round and at the end")
    option(add, "keep", float | None, None, "share of the molecules found that is learned from (rejection; a quarter)")
    option(add, "strength", float | None, None, "what the reward is multiplied with (balance)")
    option(add, "penalty", float | None, None, "what leaving the pretrained model costs, per nat (ppo)")
    option(add, "steps", int | None, None, "training steps of a round")
    option(add, "processes", int, 0, "ask for so many rewards at a time; 0 asks one after another")
    option(add, "timeout", float | None, None, "that a reward may take, with --processes [s]")
    option(
        add, "otherwise", float | None, None, "what a molecule is worth for which there is no reward; else that stops"
    )
    option(add, "cache", str | None, None, "file that keeps rewards; a later run does not ask for them again")
    option(add, "seed", int, 0, "of everything drawn")
    given = parse(parser, words)
    from humboldt.domains.graphs import Reward

    from ..designing import design, report

    if given["output"] is None:
        raise UsageError("a design writes a folder, got none; add --output FOLDER")
    for name in ("keep", "strength", "penalty", "steps"):
        if given[name] is None:
            del given[name]
    asking = {name: given.pop(name) for name in ("processes", "timeout", "otherwise", "cache")}
    reward = Reward(function_of(given.pop("reward")), **asking)
    tuned, history = design(given.pop("model"), reward, **given)
    print(report(history))
    print(f"{tuned} in {given['output']}")


def function_of(text: str) -> Callable[[str], float] | str:
    """The function that FILE.py:FUNCTION names, or the text.

    Raises:
        UsageError: there is no such file, or it has no such function.
    """
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py"):
        return text
    if not Path(path).is_file():
        raise UsageError(f"a reward is a function in a file, got {path}, which is not there; check the path")
    found = runpy.run_path(path, run_name="reward").get(name)
    if not callable(found):
        raise UsageError(f"a reward is a function of a SMILES, got no function {name!r} in {path}; check its name")
    made: Callable[[str], float] = found
    return made
