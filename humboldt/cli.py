"""The command line: each command is one call of one function, and only its own function is imported.

`humboldt finetune recipe.yaml --method.rank 8`: what a YAML file says becomes the default, words on the line win.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ._version import __version__
from .stopping import EXIT, stopped_at_once


@dataclass(frozen=True)
class Command:
    """A command: one line of help, and where its options and its function are (`describe`, `run` of a module).

    One that `trains` ends with 85 on a signal, and goes on when it is given again.
    """

    help: str
    module: str
    trains: bool = False


COMMANDS = {
    "demo": Command("fine-tune an embedded model on unseen data and show that it helped", "demo"),
    "finetune": Command("adapt a pretrained model to data", "finetune", trains=True),
    "evaluate": Command("score a model on held-out data, beside persistence", "evaluate"),
    "predict": Command("forecast from labelled states, xarray file in, NetCDF out", "predict"),
    "pretrain": Command("train a model with fresh weights on a mixture of datasets", "pretrain", trains=True),
    "generate": Command("make training data with the solvers", "generate"),
    "sample": Command("draw graphs or molecules from a generative model", "sample"),
    "design": Command("tune a generative model of molecules towards a reward", "design"),
    "convert": Command("convert data of any format to a Zarr store that is read fast", "convert"),
    "curate": Command("list the samples that are worth training on, with all their scores", "curate"),
    "compare": Command("adapt a model in many ways and see which is best", "compare", trains=True),
    "protocol": Command(
        "measure robustness, few-shot learning and more, with controls and provenance", "protocol", trains=True
    ),
    "leaderboard": Command("build pages from result records, and say what is misleading in them", "leaderboard"),
    "statistics": Command("statistics of the training part of data, kept beside them", "statistics"),
    "catalog": Command("find, fetch, check and describe data sets", "catalog"),
    "submit": Command("run one recipe or an array of them in the queue of a cluster, or here", "submit"),
    "prefetch": Command("fetch what recipes need, for machines without a network", "prefetch"),
    "export": Command("write a model as a program that runs without Humboldt", "export"),
    "info": Command("list models, methods or tasks", "info"),
}


class UsageError(ValueError):
    """A command line that cannot be understood; the message states rule, value and cure."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 or what it says, 2 after an error that the user can cure (told on standard error), or 85
    after a signal, when the same command goes on."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if not words or words[0] in ("-h", "--help"):
            print(overview())
        elif words[0] == "--version":
            print(__version__)
        else:
            return _run(words[0], [dashed(word) for word in words[1:]])
    except (ValueError, FloatingPointError, OSError, ImportError) as error:
        from humboldt.data_catalog import no_room

        lack = no_room(error)
        cure = f"; what is written needs room: {lack[1]}, or write elsewhere" if lack else ""
        print(f"humboldt: error: {error}{cure}", file=sys.stderr)
        return 2
    return 0


def _run(name: str, words: Sequence[str]) -> int:
    if name not in COMMANDS:
        raise UsageError(f"commands are {', '.join(COMMANDS)}, got {name!r}{nearest(name, COMMANDS)}")
    if not COMMANDS[name].trains:
        return _command(name).run(words) or 0
    with stopped_at_once():
        try:
            return _command(name).run(words) or 0
        except Exception as error:
            from humboldt.finetune import Interrupted

            if not isinstance(error, Interrupted):
                raise
            print(f"humboldt: {error}", file=sys.stderr)
            return EXIT


def overview() -> str:
    """What `humboldt --help` shows."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        ["usage: humboldt COMMAND ...", "", "commands:", *lines, "", "humboldt COMMAND --help explains every option."]
    )


def _command(name: str) -> Any:
    return import_module(f"humboldt.commands.{COMMANDS[name].module}")


def parse(parser: Any, words: Sequence[str]) -> dict[str, Any]:
    """The values of a jsonargparse parser as a nested dictionary; an unknown option names the nearest.

    Raises:
        UsageError: an unknown or missing option, or a value of another type.
    """
    import jsonargparse

    known = [option for action in parser._actions for option in action.option_strings]
    for word in words:
        option = word.split("=")[0]
        if option.startswith("--") and option not in known:
            raise UsageError(f"{parser.prog} has no option {option}{nearest(option, known)}")
    try:
        found = parser.parse_args(listed(parser, words))
    except jsonargparse.ArgumentError as error:
        raise UsageError(f"{parser.prog}: {_short(str(error))}; see {parser.prog} --help") from error
    return found.as_dict()


def make_parser(command: str, description: str) -> Any:
    """An empty jsonargparse parser that raises instead of ending the program."""
    import jsonargparse

    return jsonargparse.ArgumentParser(
        prog=f"humboldt {command}", description=description, exit_on_error=False, allow_abbrev=False
    )


def dashed(word: str) -> str:
    """`--core_rate` may be written for `--core-rate`."""
    option, equals, value = word.partition("=")
    return option.replace("_", "-") + equals + value if option.startswith("--") else word


def nearest(word: str, known: Any) -> str:
    """The cure of a mistyped word."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def option(add: Callable[..., Any], name: str, kind: Any, default: Any, help: str) -> None:
    """Add `--name`; an underscore in it is a dash on the command line. What holds a list says how it is written."""
    if element_of(kind) is not None:
        help = f"{help}; one or more with commas, or '[...]'"
    if kind is bool:
        add(f"--{name.replace('_', '-')}", action="store_true", default=default, help=help)
    else:
        add(f"--{name.replace('_', '-')}", type=kind, default=default, help=f"{help}")


def listed(parser: Any, words: Sequence[str]) -> list[str]:
    """The words, with `--seeds 0,1` for `--seeds '[0, 1]'` where an option holds a list; one value is a list of one.

    A comma before `name=` belongs to the word before it, as in `--methods lora,hydra:rank=4,scale=2`.
    """
    hints = {name: getattr(action, "_typehint", None) for action in parser._actions for name in action.option_strings}
    kinds = {name: kind for name, kind in hints.items() if element_of(kind) is not None}
    made: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in kinds:
            made.append(f"{name}={_as_list(value, kinds[name])}")
        elif made and made[-1] in kinds:
            made.append(_as_list(word, kinds[made[-1]]))
        else:
            made.append(word)
    return made


def element_of(kind: Any) -> Any:
    """The type of the elements where a type is a list, a tuple of any length, or one of these or something else."""
    for part in typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,):
        found = typing.get_args(part)
        if typing.get_origin(part) is list or (typing.get_origin(part) is tuple and found[1:] == (...,)):
            return found[0]
    return None


def _as_list(value: str, kind: Any) -> str:
    """A value as YAML writes a list; one that is written so, says that there is none, or may stand alone, stays."""
    parts = re.split(r",(?!\s*\w+=)", value)
    alone = isinstance(kind, types.UnionType) and int in typing.get_args(kind)
    if value.startswith("[") or value in ("null", "None") or (len(parts) == 1 and alone):
        return value
    return f"[{', '.join(json.dumps(part.strip()) if element_of(kind) is str else part for part in parts)}]"


def _short(message: str) -> str:
    return re.sub(r"\s+", " ", message).strip()
