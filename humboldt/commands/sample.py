"""humboldt sample MODEL -n 10000 --output samples.csv"""

from __future__ import annotations

from collections.abc import Sequence

from ..cli import make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Draw samples."""
    parser = make_parser("sample", "Draw graphs or molecules from a model into a CSV file; resumable.")
    parser.add_argument("model", type=str, help="name, folder or hub repository of a model")
    parser.add_argument("-n", "--count", type=int, default=1000, help="number of samples")
    add = parser.add_argument
    option(add, "output", str, "samples.csv", "CSV file; the same command goes on after an interruption")
    option(add, "goals", dict[str, float] | None, None, "properties asked for, such as '{logp: 2.5}'")
    option(add, "temperature", float, 1.0, "logits are divided by it; 0 takes the most probable token")
    option(add, "top_k", int | None, None, "only the k most probable tokens")
    option(add, "top_p", float | None, None, "only the most probable tokens of this probability together")
    option(add, "unconstrained", bool, False, "also tokens that break the sequence")
    option(add, "valences", bool, False, "keep every valence (molecules with Kekule bonds)")
    option(add, "guidance", float, 1.0, "weight of the goals; above 1 stresses them")
    option(add, "batch_size", int, 256, "sequences at a time")
    option(add, "seed", int, 0, "of everything drawn")
    option(add, "overwrite", bool, False, "replace a file that was made in another way")
    given = parse(parser, words)
    from ..sampling import sample

    output, constrained = given["output"], not given.pop("unconstrained")
    counted = sample(given.pop("model"), given.pop("count"), constrained=constrained, **given)
    print(f"{counted.samples} samples in {output}")
    for name, share in counted.shares.items():
        print(f"{name:20} {100 * share:6.2f} %")
