"""Molecules towards a goal: a generative model is tuned to a reward, and what it draws is measured on the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from humboldt.domains.graphs import Drawing, Reward, decode_molecule, internal_diversity, sample_sequences
from humboldt.foundations import ConfigError, Model

from .adapting import load
from .design_methods import DESIGN_METHODS, DesignMethod

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What was drawn before a round of training, or after the last one.

    Attributes:
        number: of the round; 0 is the model as it was.
        mean, best: of the rewards of the valid molecules.
        valid, unique: shares of all samples, and of the valid ones.
        diversity: 1 - mean Tanimoto similarity of Morgan fingerprints, over at most 500 of the unique molecules.
        threshold: that a molecule had to reach to be learned from; None after the last round, and for other methods.
        kept: molecules that were learned from.
        calls: of the reward so far, those of the measurement included.
    """

    number: int
    mean: float
    best: float
    valid: float
    unique: float
    diversity: float
    threshold: float | None
    kept: int
    calls: int


def design(
    model: Model | str | Path,
    reward: Reward | Callable[[str], float] | str,
    *,
    method: str = "rejection",
    rounds: int = 3,
    samples: int = 1000,
    valences: bool = True,
    batch_size: int = 256,
    seed: int = 0,
    output: str | Path | None = None,
    progress: bool = True,
    **choices: Any,
) -> tuple[Model, list[Round]]:
    """Tune a model of molecules to a reward, in rounds; before each of them, and at the end, it is drawn from.

    Args:
        model: of molecules, or what `from_pretrained` takes.
        reward: a `Reward`, a function of a SMILES, or an expression of descriptors such as "qed"; larger is better.
        method: `rejection` learns from the best that was drawn, `ppo` is proximal policy optimisation, `balance` draws
            in proportion to the reward (see `design_methods`).
        rounds: of training.
        samples: drawn before each round, and once more at the end.
        valences: draw molecules whose valences hold.
        batch_size: sequences drawn at a time.
        seed: of everything drawn.
        output: folder for `design.json` and the model; nothing is written without.
        progress: show a progress bar on a terminal.
        choices: of the method: of `rejection` the share `keep` of the molecules found that is learned from (a quarter)
            and fields of `Recipe` for each round; of the others the `steps` of a round and fields of `Proximal` or
            `Balanced`.

    Returns:
        The tuned model, and what was drawn before each round and at the end.

    Raises:
        ConfigError: a method or choice that is not known, or a model that draws no valid molecule.
        RewardError: see `Reward`.
    """
    if method not in DESIGN_METHODS:
        raise ConfigError(f"methods of design are {', '.join(DESIGN_METHODS)}, got {method!r}; choose one of them")
    tuned = load(model)
    asked = reward if isinstance(reward, Reward) else Reward(reward)
    way: DesignMethod = DESIGN_METHODS[method](tuned, Drawing(valences=valences), seed, progress, **choices)
    history: list[Round] = []
    for number in range(rounds + 1):
        drawn = drawn_molecules(tuned, samples, Drawing(valences=valences, seed=seed + number), batch_size)
        valid = [smiles for smiles in drawn if smiles]
        if not valid:
            raise ConfigError(f"a design starts from a model that draws molecules, got none of {samples}; pretrain it")
        values = asked(valid)
        measured, last = dict(zip(valid, values.tolist(), strict=True)), number == rounds
        calls = asked.calls
        learned = None if last else way.improve(measured, asked, number)
        different = list(dict.fromkeys(valid))
        history.append(
            Round(
                number=number,
                mean=float(values.mean()),
                best=float(values.max()),
                valid=len(valid) / len(drawn),
                unique=len(different) / len(valid),
                diversity=internal_diversity(different[:500]),
                threshold=None if learned is None else learned.threshold,
                kept=0 if learned is None else learned.kept,
                calls=calls,
            )
        )
        log.info("round %s", history[-1])
        tuned = tuned if learned is None else learned.model
    if output is not None:
        tuned.save(output)
        rows = [asdict(row) for row in history]
        record = {"reward": asked.name, "method": method, "rounds": rows}
        (Path(output) / "design.json").write_text(json.dumps(record, indent=1) + "\n")
    return tuned, history


def drawn_molecules(model: Model, count: int, drawing: Drawing, batch_size: int) -> list[str | None]:
    """SMILES of the largest part of every sample, None where it is not a molecule."""
    batches = sample_sequences(model, count, drawing, batch_size=batch_size)
    return [decode_molecule(one.ids, model.config.vocabulary).smiles for batch in batches for one in batch]


def report(history: list[Round]) -> str:
    """Rounds as a table."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in history]).to_string(index=False, float_format="{:.3f}".format)
