"""Molecules towards a goal: a generative model is tuned to what it drew itself and a reward found good."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from humboldt.domains.graphs import Drawing, Reward, arranged, decode_molecule, open_graphs, sample_sequences
from humboldt.finetune import Recipe, fit
from humboldt.foundations import ConfigError, Model

from .adapting import load

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What was drawn before a round of training, or after the last one.

    Attributes:
        number: of the round; 0 is the model as it was.
        mean, best: of the rewards of the valid molecules.
        valid, unique: shares of all samples, and of the valid ones.
        diversity: 1 - mean Tanimoto similarity of Morgan fingerprints, over at most 500 of the unique molecules.
        threshold: that a molecule had to reach to be learned from; None after the last round.
        kept: molecules that were learned from.
        calls: of the reward so far.
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
    rounds: int = 3,
    samples: int = 1000,
    keep: float = 0.25,
    valences: bool = True,
    batch_size: int = 256,
    seed: int = 0,
    output: str | Path | None = None,
    progress: bool = True,
    **recipe: Any,
) -> tuple[Model, list[Round]]:
    """Rejection-sampling fine-tuning with a rising threshold (self-bootstrap; G2PT, arXiv 2501.01073, section 3.4).

    Each round draws, keeps the best `keep` of all different valid molecules that were found so far, and trains on them
    from the weights of the round before.

    Args:
        model: of molecules, or what `from_pretrained` takes.
        reward: a `Reward`, a function of a SMILES, or an expression of descriptors such as "qed"; larger is better.
        rounds: of training.
        samples: drawn in each round, and once more at the end.
        keep: share of the molecules found that is learned from.
        valences: draw molecules whose valences hold.
        batch_size: sequences drawn at a time.
        seed: of everything drawn.
        output: folder for `design.json` and the model; nothing is written without.
        progress: show a progress bar on a terminal.
        recipe: fields of `Recipe` for each round.

    Returns:
        The tuned model, and what was drawn before each round and at the end.

    Raises:
        ConfigError: a share outside (0, 1], or a model that draws no valid molecule.
        RewardError: see `Reward`.
    """
    if not 0 < keep <= 1:
        raise ConfigError(f"keep is a share in (0, 1], got {keep}")
    tuned = load(model)
    asked = reward if isinstance(reward, Reward) else Reward(reward)
    schedule = Recipe().replace(**{**RECIPE, **recipe}, seed=seed)
    found: dict[str, float] = {}
    history: list[Round] = []
    for number in range(rounds + 1):
        drawing = Drawing(valences=valences, seed=seed + number)
        drawn = drawn_molecules(tuned, samples, drawing, batch_size)
        valid = [smiles for smiles in drawn if smiles]
        if not valid:
            raise ConfigError(f"a design starts from a model that draws molecules, got none of {samples}; pretrain it")
        values = asked(valid)
        found.update(zip(valid, values.tolist(), strict=True))
        last = number == rounds
        kept = [] if last else best_of(found, keep)
        different = list(dict.fromkeys(valid))
        history.append(
            Round(
                number=number,
                mean=float(values.mean()),
                best=float(values.max()),
                valid=len(valid) / len(drawn),
                unique=len(different) / len(valid),
                diversity=diversity(different[:500]),
                threshold=None if last else min(found[smiles] for smiles in kept),
                kept=len(kept),
                calls=asked.calls,
            )
        )
        log.info("round %s", history[-1])
        if not last:
            data = open_graphs(kept, vocabulary=tuned.config.vocabulary, split={"test": 0, "validation": 0})
            run = {"reward": asked.name, "round": number}
            tuned = fit(tuned, arranged(data, tuned), None, schedule, None, run=run, progress=progress)
    if output is not None:
        tuned.save(output)
        rows = [asdict(row) for row in history]
        (Path(output) / "design.json").write_text(json.dumps({"reward": asked.name, "rounds": rows}, indent=1) + "\n")
    return tuned, history


RECIPE: dict[str, Any] = {
    "steps": 100, "batch_size": 32, "optimiser": "muon", "core_rate": 1e-3, "embedding_rate": 5e-4, "norm_rate": 5e-4,
    "warmup": 10, "clip": 1.0,
}  # fmt: skip
"""Of a round, where nothing else is said."""


def drawn_molecules(model: Model, count: int, drawing: Drawing, batch_size: int) -> list[str | None]:
    """SMILES of the largest part of every sample, None where it is not a molecule."""
    batches = sample_sequences(model, count, drawing, batch_size=batch_size)
    return [decode_molecule(one.ids, model.config.vocabulary).smiles for batch in batches for one in batch]


def best_of(found: dict[str, float], share: float) -> list[str]:
    """The best molecules, at least one."""
    ordered = sorted(found, key=lambda smiles: -found[smiles])
    return ordered[: max(1, round(share * len(ordered)))]


def diversity(smiles: list[str]) -> float:
    """1 - mean Tanimoto similarity of all pairs (Morgan fingerprints of radius 2 and 1024 bits); NaN for one."""
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    made = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    prints = [made.GetFingerprint(Chem.MolFromSmiles(one)) for one in smiles]
    pairs = [DataStructs.BulkTanimotoSimilarity(prints[i], prints[:i]) for i in range(1, len(prints))]
    flat = [value for row in pairs for value in row]
    return 1 - float(np.mean(flat)) if flat else float("nan")


def report(history: list[Round]) -> str:
    """Rounds as a table."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in history]).to_string(index=False, float_format="{:.3f}".format)
