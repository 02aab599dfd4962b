"""What `humboldt/molecules-nano` is, and the drug-like and tiny organic molecules that it is pretrained on."""

from __future__ import annotations

import dataclasses
import gzip
import logging
import os
from pathlib import Path
from typing import Any

from humboldt.data_catalog import DataError

from .config import Goal, GraphConfig
from .data import GraphDataset, open_graphs
from .graph import GraphError
from .molecules import canonical
from .published import decoder_core
from .sequence import Ordering
from .toolkit import toolkit
from .vocabulary import Chemistry, Vocabulary

logger = logging.getLogger(__name__)

ATOMS = "C N O F S Cl Br I P N+ O- N- C- S- S+ O+ P+ B B- Si Se As Sn Hg Na+ K+ Li+ Ca+2 Cl- Br- H+ *"
"""Atoms of the vocabulary, most of which the pretraining molecules lack; `*` stands for any other."""
GOALS = (
    Goal(name="logp", mean=1.25, deviation=1.35),
    Goal(name="qed", mean=0.63, deviation=0.18),
)
TINY = 9  # atoms; all molecules of QM8, none of MOSES
HELD_OUT = 1000  # last molecules of the corpus
FILES = {"moses/train.smi.gz": 1, "qm8/qm8.csv.gz": 3}
"""Of the second one every third molecule is taken."""


def molecules_nano() -> GraphConfig:
    """The network of `humboldt/molecules-nano`: six layers of width 128, told logP and QED."""
    vocabulary = molecules_vocabulary()
    core = decoder_core(layers=6, heads=4, width=128, condition=2 * len(GOALS))
    ordering = Ordering(edges="dfs", start="first")
    return GraphConfig(
        vocabulary=vocabulary,
        core=core,
        length=384,
        rows=len(vocabulary),
        ordering=ordering,
        goals=GOALS,
        goal_dropout=0.6,
    )


def molecules_vocabulary() -> Vocabulary:
    """Kekule bonds and exact atoms, grown edge by edge, at most 128 atoms."""
    return Vocabulary(
        name="molecules",
        indices=128,
        nodes=tuple(ATOMS.split()),
        edges=("SINGLE", "DOUBLE", "TRIPLE"),
        node_prefix="ATOM_",
        edge_prefix="BOND_",
        spelling="growth",
        chemistry=Chemistry(),
    )


def open_corpus(folder: str | Path, table: str | Path) -> GraphDataset:
    """The molecules that molecules-nano learns from, shuffled, with their logP and QED; the last ones are held out.

    Args:
        folder: holds `moses/train.smi.gz` and `qm8/qm8.csv.gz`.
        table: CSV file of the corpus, written where it is not there yet (about a minute).

    Raises:
        DataError: a file is missing.
    """
    table = Path(table)
    if not table.is_file():
        _write(table, Path(folder))
    config = molecules_nano()
    names = [goal.name for goal in config.goals]
    sizes = {"test": 0, "validation": HELD_OUT}
    return open_graphs(table, vocabulary=config.vocabulary, ordering=config.ordering, goals=names, split=sizes)


def with_few_tiny(corpus: GraphDataset) -> GraphDataset:
    """All molecules of a part of the corpus that are larger than those of QM8, and every tenth of the others.

    There are few tiny molecules, so a model that draws them often repeats itself.
    """
    tiny = [place for place in corpus.places if len(corpus.graphs[place]) <= TINY]
    left_out = set(tiny) - set(tiny[::10])
    return dataclasses.replace(corpus, places=tuple(place for place in corpus.places if place not in left_out))


def _write(table: Path, folder: Path) -> None:
    import random

    smiles = list(dict.fromkeys(one for name, every in FILES.items() for one in _molecules(folder / name)[::every]))
    random.Random(0).shuffle(smiles)
    lines = ["smiles,logp,qed", *(",".join((one, *map("{:.4f}".format, described(one)))) for one in smiles)]
    table.parent.mkdir(parents=True, exist_ok=True)
    aside = table.with_name(f".{table.name}.writing")
    aside.write_text("\n".join(lines) + "\n")
    os.replace(aside, table)


def _molecules(path: Path) -> list[str]:
    """Canonical SMILES without stereochemistry of a list or table whose first column they are."""
    if not path.is_file():
        raise DataError(f"the corpus is made of {' and '.join(FILES)}, but {path} is not there; name their folder")
    with gzip.open(path, "rt") as file:
        found = [line.split(",")[0].strip() for line in file]
    kept = []
    for one in found:
        try:
            kept.append(canonical(one))
        except GraphError:
            logger.warning("not a molecule: %r in %s", one, path.name)
    return [one for one in kept if "." not in one]


def described(smiles: Any) -> tuple[float, float]:
    """Crippen's logP and QED of a molecule."""
    from rdkit.Chem import QED, Crippen

    mol = toolkit().MolFromSmiles(smiles) if isinstance(smiles, str) else smiles
    return float(Crippen.MolLogP(mol)), float(QED.qed(mol))  # type: ignore[attr-defined]
