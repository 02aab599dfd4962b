"""How like a reference set generated molecules are, as whole sets: the scores of MOSES (arXiv 1811.12823) and GuacaMol.

All take SMILES. Molecules that are given twice count twice, so give the different ones where that is meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from .rewards import descriptors
from .toolkit import toolkit

SHAPE = (
    "weight", "logp", "tpsa", "donors", "acceptors", "rotatable", "rings", "atoms", "qed",
)  # fmt: skip
"""Descriptors of `frechet_distance`; see `rewards.DESCRIPTORS`."""
COUNTED = ("N", "O", "S", "F", "Cl", "Br")  # elements whose numbers go with them
RINGS = 2  # of a scaffold that counts
WHOLE = ("logp", "sa", "qed", "weight")  # properties that MOSES compares


def nearest_similarity(generated: Sequence[str], reference: Sequence[str]) -> float:
    """SNN: mean over the generated molecules of the largest Tanimoto similarity to a reference molecule.

    Morgan fingerprints of radius 2 and 1024 bits, as in MOSES.
    """
    from rdkit import DataStructs

    known = fingerprints(reference)
    return float(np.mean([max(DataStructs.BulkTanimotoSimilarity(one, known)) for one in fingerprints(generated)]))


def internal_diversity(smiles: Sequence[str]) -> float:
    """1 - mean Tanimoto similarity of all pairs (Morgan fingerprints of radius 2 and 1024 bits); NaN for one."""
    from rdkit import DataStructs

    prints = fingerprints(smiles)
    pairs = [DataStructs.BulkTanimotoSimilarity(prints[i], prints[:i]) for i in range(1, len(prints))]
    flat = [value for row in pairs for value in row]
    return 1 - float(np.mean(flat)) if flat else float("nan")


def fingerprints(smiles: Iterable[str]) -> list[Any]:
    """Morgan fingerprints of radius 2 and 1024 bits."""
    from rdkit.Chem import rdFingerprintGenerator

    made, chem = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024), toolkit()
    return [made.GetFingerprint(chem.MolFromSmiles(one)) for one in smiles]


def fragment_similarity(generated: Iterable[str], reference: Iterable[str]) -> float:
    """Frag: cosine of the counts of BRICS fragments."""
    return cosine(_counted(generated, fragments), _counted(reference, fragments))


def scaffold_similarity(generated: Iterable[str], reference: Iterable[str]) -> float:
    """Scaf: cosine of the counts of Murcko scaffolds; those of fewer than two rings do not count, as in MOSES."""
    return cosine(_counted(generated, _scaffolds), _counted(reference, _scaffolds))


def fragments(smiles: str) -> list[str]:
    """BRICS fragments of a molecule, with their open places; the molecule itself where it has no bond to cut."""
    from rdkit.Chem import BRICS

    chem = toolkit()
    pieces = chem.GetMolFrags(BRICS.BreakBRICSBonds(chem.MolFromSmiles(smiles)), asMols=True)
    return [chem.MolToSmiles(piece) for piece in pieces]


def _scaffolds(smiles: str) -> list[str]:
    from rdkit.Chem.Scaffolds import MurckoScaffold

    chem = toolkit()
    core = MurckoScaffold.GetScaffoldForMol(chem.MolFromSmiles(smiles))
    return [str(chem.MolToSmiles(core))] if core.GetRingInfo().NumRings() >= RINGS else []


def _counted(smiles: Iterable[str], parts: Callable[[str], list[str]]) -> Counter[str]:
    return Counter(part for one in smiles for part in parts(one))


def cosine(a: Counter[str], b: Counter[str]) -> float:
    """Of two tables of counts; NaN where one is empty."""
    norm = np.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
    return float(sum(count * b[name] for name, count in a.items()) / norm) if norm else float("nan")


def frechet_distance(generated: Sequence[str], reference: Sequence[str]) -> float:
    """Frechet distance of the two sets in descriptors, standardised by the reference.

    The distance of FCD (Preuer and others, J. Chem. Inf. Model. 58, 1736, 2018), with descriptors and counts of atoms
    in place of the activations of a network, which would have to be downloaded: its values are its own and are not to
    be set beside those of FCD. 0 for equal moments.
    """
    known, made = (np.array([_described(one) for one in part]) for part in (reference, generated))
    mean, deviation = known.mean(0), known.std(0)
    deviation = np.where(deviation > 0, deviation, 1)
    return frechet((made - mean) / deviation, (known - mean) / deviation)


def frechet(a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"]) -> float:
    """|mean a - mean b|^2 + trace(A + B - 2 (A B)^(1/2)) with the covariances A and B."""
    first, second = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (a, b))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    middle = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    apart = np.square(a.mean(0) - b.mean(0)).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * middle)


def _described(smiles: str) -> list[float]:
    counted = Counter(atom.GetSymbol() for atom in toolkit().MolFromSmiles(smiles).GetAtoms())
    return [*descriptors(smiles, SHAPE).values(), *(float(counted[symbol]) for symbol in COUNTED)]


def property_distances(generated: Sequence[str], reference: Sequence[str]) -> dict[str, float]:
    """Wasserstein distances of logP, synthetic accessibility, QED and weight, in their units."""
    from scipy.stats import wasserstein_distance

    values = [[descriptors(one, WHOLE) for one in part] for part in (generated, reference)]
    return {name: float(wasserstein_distance(*([row[name] for row in part] for part in values))) for name in WHOLE}


def without_alerts(smiles: list[str]) -> float:
    """Share of molecules without a structural alert (BRENK and PAINS, RDKit's catalogues)."""
    from rdkit.Chem import FilterCatalog

    chosen = FilterCatalog.FilterCatalogParams()
    for name in ("BRENK", "PAINS"):
        chosen.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    alerts, chem = FilterCatalog.FilterCatalog(chosen), toolkit()
    return float(np.mean([not alerts.HasMatch(chem.MolFromSmiles(one)) for one in smiles]))
