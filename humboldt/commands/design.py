"""humboldt design MODEL REWARD --output FOLDER"""

from __future__ import annotations

from collections.abc import Sequence

from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Tune a generative model towards a reward."""
    parser = make_parser("design", "Tune a model of molecules towards a reward.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    parser.add_argument("reward", type=str, help="expression of descriptors, such as 'qed - 0.1 * abs(logp - 2.5)'")
    add = parser.add_argument
    option(add, "output", str | None, None, "folder for the tuned model and design.json")
    option(add, "method", str, "rejection", "rejection (learn from the best), ppo, or balance (draw in proportion)")
    option(add, "rounds", int, 3, "rounds of drawing and training")
    option(add, "samples", int, 1000, "molecules drawn before each round and at the end")
    option(add, "keep", float | None, None, "share of the molecules found that is learned from (rejection; a quarter)")
    option(add, "strength", float | None, None, "what the reward is multiplied with (balance)")
    option(add, "penalty", float | None, None, "what leaving the pretrained model costs, per nat (ppo)")
    option(add, "steps", int | None, None, "training steps of a round")
    option(add, "seed", int, 0, "of everything drawn")
    given = parse(parser, words)
    from ..designing import design, report

    if given["output"] is None:
        raise UsageError("a design writes a folder, got none; add --output FOLDER")
    for name in ("keep", "strength", "penalty", "steps"):
        if given[name] is None:
            del given[name]
    tuned, history = design(given.pop("model"), given.pop("reward"), **given)
    print(report(history))
    print(f"{tuned} in {given['output']}")
