"""Which method a run takes, and at which rates: names, options among other words, `auto`, advice of a checkpoint."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from humboldt.finetune import FIELDS, Method, known_methods
from humboldt.finetune import method as method_called
from humboldt.foundations import ConfigError, Model

log = logging.getLogger(__name__)


def advice(model: Model, way: Method, by_rows: bool = False) -> dict[str, Any]:
    """Recipe fields that a checkpoint recommends for training all of it; others where its weights are random.

    By rows, advice for Muon or an average is not taken, and neither are its rates: they are for that optimiser.
    """
    if way.name != "full":
        return {}
    kind = "random" if model.provenance.get("loaded", {}).get("random") else "pretrained"
    found = dict(model.provenance.get("advice", {}).get(kind, {}))
    if by_rows and (found.get("optimiser") == "muon" or found.get("average") is not None):
        log.warning(
            "recipe: the checkpoint advises %s, which strategy fsdp has not; the default recipe is taken", found
        )
        return {}
    if found:
        log.info("recipe: where nothing else is said, what the checkpoint advises for %s weights: %s", kind, found)
    return found


TRAINABLE = 100_000_000
"""Parameters up to which `auto` trains all of a model: weights, gradients and two moments are then under 1.6 GB."""


def automatic(model: Model) -> Method:
    """The method that `auto` stands for.

    Everything is trained where the model is small enough, and where its checkpoint says at which rates (or is random:
    a random core must be trained whatever it costs); otherwise low-rank updates of the core, embedding and head.
    """
    count = sum(p.numel() for p in model.parameters())
    random = bool(model.provenance.get("loaded", {}).get("random"))
    advised = bool(model.provenance.get("advice"))
    name = "full" if random or (advised and count <= TRAINABLE) else "lora"
    log.info("method: %s, for a model of %d parameters%s", name, count, " with advised rates" if advised else "")
    return as_method(name)


def spelled(words: str) -> dict[str, Any]:
    """Name and options of a method from `name:option=value,...`, as commands have them; values are read as YAML.

    Raises:
        ConfigError: an option without a value.
    """
    import yaml

    name, _, options = words.partition(":")
    pairs = [pair.partition("=") for pair in options.split(",") if pair]
    if odd := [key for key, sign, _ in pairs if not sign]:
        raise ConfigError(f"options of a method are written name:option=value,..., got {odd[0]!r} in {words!r}")
    return {"name": name, **{key.strip(): yaml.safe_load(value) for key, _, value in pairs}}


AUTO = "auto"
"""The name that stands for what `automatic` picks."""


def is_automatic(method: str | Mapping[str, Any] | Method) -> bool:
    """Whether the method is left to `automatic`.

    Raises:
        ConfigError: `auto` with options.
    """
    options = spelled(method) if isinstance(method, str) else method
    if not isinstance(options, Mapping) or options.get("name") != AUTO:
        return False
    if more := sorted(options.keys() - {"name"}):
        raise ConfigError(f"auto picks the method with its defaults, got the options {more}; name a method to set them")
    return True


def divided(
    method: str | Mapping[str, Any] | Method, words: Mapping[str, Any]
) -> tuple[str | Mapping[str, Any] | Method, dict[str, Any]]:
    """The method with those words that are its options, and the words of the recipe; a word of both is the recipe's."""
    if not isinstance(method, str | Mapping) or is_automatic(method):
        return method, dict(words)
    chosen = spelled(method) if isinstance(method, str) else dict(method)
    kind = known_methods().get(str(chosen.get("name")))
    own = [f.name for f in fields(kind)] if kind is not None else []  # type: ignore[arg-type]
    near = {word: difflib.get_close_matches(word, [*FIELDS, *own], 1) for word in words.keys() - FIELDS.keys()}
    options = {word: words[word] for word, close in near.items() if set(close) & set(own)}
    return ({**chosen, **options} if options else method), {k: v for k, v in words.items() if k not in options}


def as_method(method: Any) -> Method:
    """A method from its name, from its name with options (`hydra:rank=4`, or a mapping), or as it is.

    Raises:
        ConfigError: something else, or no such method or option.
    """
    if isinstance(method, Method):
        return method
    if not isinstance(method, str | Mapping):
        raise ConfigError(f"a method is a name, a name with options or a Method, got {method!r}; give 'lora', say")
    options = spelled(method) if isinstance(method, str) else dict(method)
    if "name" not in options:
        raise ConfigError(f"a method has a name, got {options}; add name: lora, or another of `humboldt info methods`")
    return method_called(options.pop("name"), **options)
