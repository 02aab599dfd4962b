"""Stereochemistry comes back from labels, whatever the order of the atoms."""

import csv
import random

import pytest

from humboldt.domains.graphs import Chemistry, Graph, Ordering, Vocabulary, encode, graph_from_smiles, smiles_from_graph
from humboldt.domains.graphs.atoms import largest_valence
from humboldt.domains.graphs.molecules import decode_molecule
from humboldt.domains.graphs.toolkit import toolkit
from humboldt.foundations import ConfigError

STEREO = Chemistry(stereo=True)
CORNERS = [
    "C[C@H](N)C(=O)O",
    "C[C@@H](N)C(=O)O",
    "C/C=C/C",
    "C/C=C\\C",
    "F/C(Cl)=C(\\Br)I",
    "C[C@H](O)[C@@H](O)C",
    "O[C@H]1CC[C@@H](O)CC1",
    "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "C[S@](=O)CC",
    "C[N@+](CC)(CCC)c1ccccc1",
    "C[C@@H](O)/C=C/[C@H](C)N",
    "CC(O)C=CC",
]


def isomeric(smiles: str) -> str:
    chem = toolkit()
    return str(chem.MolToSmiles(chem.MolFromSmiles(smiles)))


@pytest.mark.parametrize("smiles", CORNERS)
def test_stereochemistry_comes_back(smiles):
    graph = graph_from_smiles(smiles, STEREO)
    assert smiles_from_graph(graph, STEREO).smiles == isomeric(smiles)


@pytest.mark.parametrize("spelling", ["sets", "growth"])
def test_labels_do_not_hang_on_the_order_of_the_atoms(spelling):
    smiles = CORNERS[7]
    graph = graph_from_smiles(smiles, STEREO)
    vocabulary = Vocabulary.of([graph], chemistry=STEREO, spelling=spelling)
    for seed in range(5):
        ids = encode(graph, vocabulary, Ordering(), random.Random(seed))
        assert decode_molecule(ids, vocabulary).smiles == isomeric(smiles)


def test_what_labels_say():
    assert graph_from_smiles("C[C@H](N)C(=O)O", STEREO).nodes == ("C", "C@S", "N", "C", "O", "O")
    assert graph_from_smiles("C/C=C/C", STEREO).edges[1] == (1, 2, "DOUBLE@E")
    assert largest_valence("C@S") == 4


def test_a_label_where_nothing_is_chiral_is_left_out():
    found = smiles_from_graph(Graph(("C@R", "C", "O"), ((0, 1, "DOUBLE@E"), (1, 2, "SINGLE"))), STEREO)
    assert found.smiles == "C=CO"


def test_stereochemistry_needs_exact_atoms():
    with pytest.raises(ConfigError, match="said of exact atoms, got atoms='element'; set atoms='exact'"):
        Chemistry(stereo=True, atoms="element")


@pytest.mark.integration
@pytest.mark.parametrize(("name", "most"), [("bbbp", 0.01), ("bace", 0.01), ("clintox", 0.02)])
def test_real_molecules_keep_their_stereochemistry(shared, name, most):
    with (shared / "data" / "molecules" / name / f"{name}.csv").open() as file:
        rows = [row.get("smiles") or row["mol"] for row in csv.DictReader(file)]
    rows = [smiles for smiles in rows if set(smiles) & set("@/\\")][:300]
    lost = [s for s in rows if smiles_from_graph(graph_from_smiles(s, STEREO), STEREO).smiles != isomeric(s)]
    print(f"{name}: {len(lost)} of {len(rows)} molecules with stereochemistry come back another", lost[:5])
    assert len(lost) / len(rows) <= most
