"""Scores of sets of molecules against cases worked out by hand."""

import numpy as np
import pytest

from humboldt.domains.graphs.likeness import (
    fragment_similarity,
    fragments,
    frechet,
    frechet_distance,
    internal_diversity,
    nearest_similarity,
    property_distances,
    scaffold_similarity,
    without_alerts,
)


def test_nearest_similarity_takes_the_nearest():
    assert nearest_similarity(["CCO"], ["c1ccccc1", "CCO"]) == 1
    assert nearest_similarity(["CCO", "c1ccccc1"], ["CCO"]) == pytest.approx(0.5)


def test_diversity_by_hand():
    assert internal_diversity(["CCO", "CCO"]) == 0
    assert internal_diversity(["CCO", "c1ccccc1"]) == 1
    assert internal_diversity(["CCO", "CCO", "c1ccccc1"]) == pytest.approx(2 / 3)


def test_fragments_are_those_of_brics():
    assert fragments("CCO") == ["CCO"]
    assert len(fragments("CC(=O)Nc1ccccc1")) == 3
    assert fragment_similarity(["CCO", "CCO"], ["CCO"]) == pytest.approx(1)
    assert fragment_similarity(["CCO"], ["CCN"]) == 0


def test_scaffolds_by_hand():
    """A ring alone is no scaffold that MOSES counts."""
    two, other = ["Cc1ccc2ccccc2c1", "Oc1ccc2ccccc2c1"], ["c1ccccc1Cc1ccncc1C"]
    assert scaffold_similarity([*two, *other], two) == pytest.approx(2 / np.sqrt(5))
    assert scaffold_similarity([*two, "Cc1ccccc1", "CCO"], [*two, "CC1CCCC1"]) == pytest.approx(1)
    assert np.isnan(scaffold_similarity(["CCO", "Cc1ccccc1"], two))


def test_frechet_of_two_normal_distributions():
    """|m|^2 + sum (s - t)^2 for independent normals."""
    base = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    spread = base.std(0, ddof=1)[0]
    a, b = base * [1.0, 2.0], base * [3.0, 2.0] + [0.5, 0]
    assert frechet(a, b) == pytest.approx(0.25 + (2 * spread) ** 2)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_distances_of_sets():
    chains = ["C" * n for n in range(3, 9)]
    assert frechet_distance(chains, chains) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(chains, [*chains[:-1], "c1ccccc1C(=O)NCCO"]) > 0.1
    found = property_distances(["CCCC"], ["CCCCC"])
    assert found["weight"] == pytest.approx(14.027, abs=1e-3)
    assert property_distances(chains, chains) == {"logp": 0, "sa": 0, "qed": 0, "weight": 0}


def test_structural_alerts_by_hand():
    """An azo dye and an acid chloride have one, ethylbenzene and a piperidine have none."""
    assert without_alerts(["CCc1ccccc1", "c1ccccc1N=Nc1ccccc1", "CC(=O)Cl", "C1CCNCC1"]) == 0.5
