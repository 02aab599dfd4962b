"""humboldt finetune MODEL DATA ..., or humboldt finetune RECIPE.yaml ..."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from humboldt.finetune import FIELDS, METHODS, Recipe, method, read_yaml, world

from ..adapting import finetune, plan_finetune
from ..choosing import AUTO
from ..cli import UsageError, make_parser, nearest, option, parse

DESCRIPTION = "Adapt a pretrained model to data. MODEL DATA, or a RECIPE.yaml that names them (any run folder has one)."


def run(words: Sequence[str]) -> int:
    """Fine-tune, or with --dry-run print what would be done."""
    return call(parsed(words, _recipe_file(words)))


def parsed(words: Sequence[str], recipe: dict[str, Any]) -> dict[str, Any]:
    """What a recipe and the words after it say, by option; recipe fields that neither names are left out.

    Raises:
        UsageError, ConfigError: a key, an option or a method that there is not, or a value of another type.
    """
    words = [f"--method.name={word[9:]}" if word.startswith("--method=") else word for word in words]
    words = ["--method.name" if word == "--method" else word for word in words]
    way = _method_name(words, recipe)
    parser = finetune_parser(way)
    parser.set_defaults(_flat(recipe, {action.dest for action in parser._actions}, way))
    return said(parse(parser, [word for word in words if not _is_recipe(word)]), words, recipe)


def call(given: dict[str, Any]) -> int:
    """Call the function with parsed values."""
    dry, model, data = given.pop("dry_run"), given.pop("model"), given.pop("data")
    if model is None or data is None:
        raise UsageError("a run needs a model and data, got neither on the line nor in a recipe: finetune MODEL DATA")
    if dry:
        print(json.dumps(plan_finetune(model, data, **given), indent=1))
        return 0
    if given["output"] is None:
        raise UsageError("a run writes a folder, got none; add --output FOLDER (or --dry-run)")
    tuned = finetune(model, data, **given)
    if world().leads:
        print(f"{tuned} in {given['output']}")
    return 0


def said(given: dict[str, Any], words: Sequence[str], recipe: Iterable[str] = ()) -> dict[str, Any]:
    """Without the recipe fields that neither the line nor a recipe names, so that a checkpoint's advice holds for them.

    One that is named counts also where its value is the default.
    """
    named = {word.partition("=")[0][2:].replace("-", "_") for word in words if word.startswith("--")} | {*recipe}
    return {key: value for key, value in given.items() if key not in FIELDS or key in named}


def finetune_parser(way: str) -> Any:
    """All options of a run with this method; each with its default and unit."""
    parser = make_parser("finetune", DESCRIPTION)
    parser.add_argument("model", nargs="?", type=str, default=None, help="name, folder or hub repository of a model")
    parser.add_argument("data", nargs="?", type=str, default=None, help="file or store with the trajectories")
    add = parser.add_argument
    option(add, "output", str | None, None, "run folder; the same command goes on after an interruption")
    option(add, "task", str, "forecast", "what the tuned model does")
    option(add, "samples", int | None, None, "train on so many; all if not given [trajectories, sites, molecules]")
    option(add, "opening", dict[str, Any] | None, None, "how data are opened, such as '{periodic: true}'")
    option(add, "revision", str | None, None, "branch, tag or commit of a hub repository; the newest if not given")
    option(add, "cached", bool, False, "with --method head: the frozen trunk runs once a sample, not once a step")
    option(add, "keep_adapter", bool, False, "leave the adapter in the model, for a further run of it to go on with")
    option(add, "overwrite", bool, False, "begin anew in a folder that holds another run")
    option(add, "dry_run", bool, False, "print data, steps, trained parameters, memory, time; write no run")
    method_options(parser, way)
    recipe_options(parser)
    return parser


def recipe_options(parser: Any) -> None:
    """The fields of `Recipe`."""
    group, hints = parser.add_argument_group("recipe"), typing.get_type_hints(Recipe)
    for field in dataclasses.fields(Recipe):
        text = f"{field.metadata['help']} [{field.metadata['unit']}]"
        option(group.add_argument, field.name, hints[field.name], field.default, text)


def method_options(parser: Any, way: str) -> None:
    """The options of one method."""
    group = parser.add_argument_group(f"method (options of {way})")
    names = ", ".join([AUTO, *sorted(METHODS)])
    option(group.add_argument, "method.name", str, way, f"what is trained: {names}; also --method")
    if way == AUTO:
        return
    kind = METHODS[way]
    hints, words = typing.get_type_hints(kind), _attribute_help(kind.__doc__ or "")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        text = words.get(field.name, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        option(group.add_argument, f"method.{field.name}", hints[field.name], default, text)


def _attribute_help(docstring: str) -> dict[str, str]:
    lines = (line.strip().partition(": ") for line in docstring.partition("Attributes:")[2].splitlines())
    return {name: text.rstrip(".") for name, colon, text in lines if colon}


def _is_recipe(word: str) -> bool:
    return not word.startswith("-") and word.endswith((".yaml", ".yml"))


def _recipe_file(words: Sequence[str]) -> dict[str, Any]:
    files = [word for word in words if _is_recipe(word)]
    if len(files) > 1:
        raise UsageError(f"a run has one recipe, got {files}; merge them into one file")
    return read_yaml(files[0]) if files else {}


def _method_name(words: Sequence[str], recipe: dict[str, Any]) -> str:
    """The method that the line or the recipe names; refused with the nearest name if there is none."""
    said = recipe.get("method", "full")
    if not isinstance(said, str | dict):
        raise UsageError(f"a recipe names one method, got {said!r}; write method: lora, or {{name: lora, rank: 4}}")
    name = said if isinstance(said, str) else said.get("name", "full")
    for word, following in pairwise([*words, ""]):
        if word.startswith("--method.name"):
            name = word.partition("=")[2] or following
    if name not in METHODS and name != AUTO:
        method(name)
    return name


def _flat(recipe: dict[str, Any], known: set[str], way: str) -> dict[str, Any]:
    """A recipe file as defaults of the parser; options of a method that the line has replaced are dropped."""
    said = recipe.pop("method", {})
    said = {"name": said} if isinstance(said, str) else said
    if said.get("name", way) == way:
        recipe.update({f"method.{key}": value for key, value in said.items()})
    for key in recipe:
        if key not in known:
            cure = nearest(key, known) or "; humboldt finetune --help lists them"
            raise UsageError(f"a recipe has no key {key!r}{cure}")
    return recipe
