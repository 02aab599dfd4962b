"""humboldt pretrain CONFIG DATA... --output FOLDER, or humboldt pretrain humboldt/pde-nano STORES --output FOLDER"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from humboldt.finetune import read_yaml

from ..adapting import opened, pretrain
from ..cli import UsageError, make_parser, nearest, option, parse
from ..embedded import EMBEDDED
from .finetune import recipe_options


def run(words: Sequence[str]) -> None:
    """Pretrain a model; the name of an embedded one repeats how it was made."""
    if words and words[0] in EMBEDDED:
        again(words)
        return
    parser = make_parser("pretrain", "Train a model with fresh weights on one or several datasets.")
    about = "name of a configuration such as pde-nano, operator-for (of the first data), or a YAML or JSON file"
    parser.add_argument("config", type=str, help=about)
    parser.add_argument("data", nargs="+", type=str, help="files or stores")
    add = parser.add_argument
    option(add, "output", str | None, None, "run folder; the same command goes on after an interruption")
    option(add, "domain", str, "pde", "name of the domain")
    option(add, "opening", dict[str, Any] | None, None, "how data are opened, such as '{periodic: true}'")
    option(add, "weights", list[float] | None, None, "share of batches of each dataset; by their sizes if not given")
    option(add, "no_validate", bool, False, "keep the last step instead of the best validated one")
    option(add, "overwrite", bool, False, "begin anew in a folder that holds another run")
    recipe_options(parser)
    given = parse(parser, words)
    if given["output"] is None:
        raise UsageError("a run writes a folder, got none; add --output FOLDER")
    first = partial(opened, given["domain"], given["data"][0], given["opening"])
    config, validate = configuration(given.pop("config"), given["domain"], first), not given.pop("no_validate")
    trained = pretrain(config, given.pop("data"), validate=validate, **given)
    print(f"{trained} in {given['output']}")


def again(words: Sequence[str]) -> None:
    """Make an embedded model again, by its own recipe."""
    parser = make_parser("pretrain", "Make an embedded model again: generate its data, train it by its own recipe.")
    parser.add_argument("config", type=str, help=f"one of {', '.join(EMBEDDED)}")
    about = "folder of the generated stores; those that are missing are generated (biodiversity-nano stores nothing)"
    parser.add_argument("data", type=str, nargs="?", default="runs/pretraining-data", help=about)
    option(parser.add_argument, "output", str, "runs/pretraining", "run folder; the same command goes on after a stop")
    given = parse(parser, words)
    trained: Any = EMBEDDED[given["config"]](given["data"], given["output"])
    print(f"{trained} in {given['output']}")


def configuration(name: str, domain: str, first: Callable[[], Any]) -> Any:
    """The configuration of that name, or in that file (a checkpoint's `config.json` too).

    first: opens the first data, for which some configurations are made.

    Raises:
        UsageError: neither.
    """
    if Path(name).is_file():
        found = read_yaml(name)
        return found.get("config", found)
    science = import_module(f"humboldt.domains.{domain}")
    if hasattr(science, name.replace("-", "_")):
        made = getattr(science, name.replace("-", "_"))
        return made(first()) if "data" in signature(made).parameters else made()
    near = nearest(name, dir(science))
    raise UsageError(f"a configuration is a file or a name of the {domain} domain, got {name!r}{near}")
