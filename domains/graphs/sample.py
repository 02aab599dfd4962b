"""Drawing sequences from a model, many at a time, each until its end token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from humboldt.foundations import Cache, ConfigError, Model, evaluating

from .config import GraphConfig
from .drawing import Drawing, multinomial, shape, within
from .grammar import Grammar
from .growth_grammar import GrowthGrammar
from .places import Places, Sampled
from .progress import Progress
from .vocabulary import BOC

LEAVING = 0.25  # share of a batch that has ended when its rows leave


def sample_sequences(
    model: Model,
    count: int,
    drawing: Drawing | None = None,
    *,
    batch_size: int = 256,
    places: int | None = None,
    goals: Mapping[str, float] | None = None,
    prompt: Sequence[int] = (BOC,),
    start: int = 0,
) -> Iterator[list[Sampled]]:
    """Yield batches of drawn sequences; batch number i depends on the seed, `places` and i alone.

    Args:
        model: of graphs.
        count: number of sequences in all.
        drawing: how they are drawn.
        batch_size: sequences that are yielded together.
        places: sequences of a batch at a time; where one ends, the next one begins. All of them, if not given.
        goals: values of the goals that are given, in their units.
        prompt: how every sequence begins; `<boc>` if not given.
        start: batches to leave out, which were drawn before.

    Raises:
        ConfigError: a goal that the model does not know, or a prompt that constrained drawing cannot take.
    """
    drawing = drawing or Drawing()
    told = goal_values(model.config, goals)
    for number, done in enumerate(range(0, count, batch_size)):
        if number >= start:
            chance = torch.Generator(device=model_device(model)).manual_seed(drawing.seed * 1_000_003 + number)
            size = min(batch_size, count - done)
            yield draw_batch(model, size, drawing, told, prompt, chance, places)


def require_generative(model: Model) -> None:
    """Refuse a model of properties.

    Raises:
        ConfigError: it predicts.
    """
    if model.config.readout is not None:
        raise ConfigError(
            "samples are drawn from a model that says what comes next, got one that predicts "
            f"{list(model.config.readout.names)}; take the model that it was tuned from"
        )


def model_device(model: Model) -> torch.device:
    """Where a model is."""
    return next(model.parameters()).device


def goal_values(config: GraphConfig, goals: Mapping[str, float] | None) -> Float[Tensor, "1 g"] | None:
    """Values in the order of the model's goals, NaN where not given.

    Raises:
        ConfigError: a goal that the model does not know.
    """
    known = [goal.name for goal in config.goals]
    if unknown := [name for name in goals or {} if name not in known]:
        raise ConfigError(f"this model is told the goals {known}, got {unknown[0]!r}; choose one of them")
    if not goals:
        return None
    return torch.tensor([[goals.get(name, float("nan")) for name in known]])


@torch.inference_mode()
def draw_batch(
    model: Model,
    count: int,
    drawing: Drawing,
    goals: Float[Tensor, "#count g"] | None,
    prompt: Sequence[int],
    chance: torch.Generator,
    places: int | None = None,
) -> list[Sampled]:
    """Sequences that all begin with `prompt`, so many `places` at a time (all of them, if not given).

    Where a sequence ends, the next one begins at once. When no more are to come, those that have ended leave the batch
    when they are `LEAVING` of it: to move the others together in the cache costs more than a few idle rows.
    """
    require_generative(model)
    config, device = model.config, model_device(model)
    size = min(count, places or count)
    with evaluating(model):
        decoder = Decoder(model, size, drawing, None if goals is None else goals.expand(count, -1))
        batch = Places(count, size, prompt, length=config.length, pad=config.vocabulary.pad, device=device)
        grammar = begun(config, size, drawing, prompt, device) if drawing.constrained else None
        logits = decoder.read(batch.ids[:size, : len(prompt)])
        while True:
            shaped = shape(logits, drawing, grammar.allowed() if grammar else within(config, logits))
            batch.write(shaped.argmax(-1) if drawing.temperature == 0 else multinomial(shaped, chance), logits, shaped)
            if grammar:
                grammar.advance(batch.tokens)
            if count > size and len(batch.ended):
                decoder.restart(batch.ended)
                refilled, sequences = batch.refill()
                decoder.tell(refilled, sequences)
                if grammar:
                    grammar.restart(refilled)
            if not bool(batch.going.any()):
                break
            if len(batch.ended) >= LEAVING * len(batch.going):
                left = batch.going.nonzero().squeeze(1)
                decoder.keep(left)
                batch.keep(left)
                if grammar:
                    grammar.keep(left)
            logits = decoder.read(batch.tokens[:, None])
    return batch.sequences()


def begun(config: GraphConfig, count: int, drawing: Drawing, prompt: Sequence[int], device: torch.device) -> Progress:
    """A grammar that has read the prompt.

    Raises:
        ConfigError: the prompt is not the beginning of a graph.
    """
    if not prompt or prompt[0] != BOC:
        raise ConfigError(f"a sequence begins with <boc>, got the prompt {config.vocabulary.text(prompt)!r}")
    kind: type[Progress] = GrowthGrammar if config.vocabulary.spelling == "growth" else Grammar
    grammar = kind(config.vocabulary, count, config.length, valences=drawing.valences, device=device)
    for token in prompt[1:]:
        if not bool(grammar.allowed()[:, token].all()):
            raise ConfigError(f"a prompt is the beginning of a graph, got {config.vocabulary.text(prompt)!r}")
        grammar.advance(torch.full((count,), token, device=device))
    return grammar


class Decoder:
    """A model with a cache: told the next tokens of every sequence, it says the logits after the last of them."""

    def __init__(self, model: Model, count: int, drawing: Drawing, goals: Float[Tensor, "all g"] | None) -> None:
        self.model, self.weight, self.goals = model, drawing.guidance, goals
        self.guided = goals is not None and drawing.guidance != 1
        told = None if goals is None else goals.expand(max(count, len(goals)), -1)[:count].to(model_device(model))
        embed = model.embed
        self.conditions = [embed.condition(told, count)]  # type: ignore[operator]
        if self.guided:
            self.conditions.append(embed.condition(None, count))  # type: ignore[operator]
        self.caches = [Cache(model.core, count, model.config.length) for _ in self.conditions]
        self.said = torch.zeros(count, dtype=torch.long, device=model_device(model))

    def read(self, ids: Int[Tensor, "b n"]) -> Float[Tensor, "b rows"]:
        """Logits of what comes next."""
        found = []
        for cache, condition in zip(self.caches, self.conditions, strict=True):
            tokens = self.model.embed.place(ids, cache.lengths, condition, self.said)  # type: ignore[operator]
            logits = self.model.head.logits(cache.advance(tokens).x[:, -1:])[:, 0]  # type: ignore[operator]
            found.append(logits if logits.itemsize >= 4 else logits.float())
        self.said += self.model.embed.new(ids).sum(1)  # type: ignore[operator]
        return found[0] if not self.guided else self.weight * found[0] + (1 - self.weight) * found[1]

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Go on with these sequences only."""
        for cache in self.caches:
            cache.keep(rows)
        self.said = self.said[rows]
        self.conditions = [None if c is None else c[rows] for c in self.conditions]

    def restart(self, rows: Int[Tensor, " new"]) -> None:
        """Other sequences begin in these places."""
        for cache in self.caches:
            cache.restart(rows)
        self.said[rows] = 0

    def tell(self, rows: Int[Tensor, " new"], sequences: Int[Tensor, " new"]) -> None:
        """In these places are the sequences with these numbers: their goals are told."""
        if self.goals is not None and self.conditions[0] is not None:
            told = self.goals[sequences].to(model_device(self.model))
            self.conditions[0][rows] = self.model.embed.condition(told, len(rows))  # type: ignore[operator]
