import csv
import gzip

import pytest

from humboldt.domains.graphs import (
    PUBLISHED,
    Chemistry,
    Graph,
    GraphError,
    canonical,
    graph_from_smiles,
    smiles_from_graph,
)
from humboldt.domains.graphs.atoms import atom_of, largest_valence

KEKULE, AROMATIC = Chemistry(), Chemistry(bonds="aromatic")
CORNERS = [
    "c1cc[nH]c1",
    "C[N+](C)(C)CC(=O)[O-]",
    "CN(=O)=O",
    "[Cl].CC(C)N",
    "[2H]C([2H])O",
    "[13CH4]",
    "[CH2]C",
    "*C(=O)O",
    "[Na+].[Cl-]",
    "OP(=O)(O)O",
    "CS(C)(=O)=O",
    "c1ccc2[nH]c3ccccc3c2c1",
    "O=c1cc[nH]c2ccccc12",
    "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
    "C[N+]#[C-]",
    "B1OC=CO1",
    "c1ccc[se]1",
    "[H][H]",
    "[H]c1c([H])n([H])c(=[N+]([H])[H])[c-]([H])c1=O",
    "[H]c1c([H])c(=O)[c-]([H])oc1=[N+]([H])[H]",
]


@pytest.mark.parametrize("chemistry", [KEKULE, AROMATIC], ids=["kekule", "aromatic"])
@pytest.mark.parametrize("smiles", CORNERS)
def test_exact_atoms_come_back(smiles, chemistry):
    graph = graph_from_smiles(smiles, chemistry)
    assert smiles_from_graph(graph, chemistry).smiles == canonical(smiles)


def test_labels_state_what_is_not_implied():
    assert graph_from_smiles("C[N+](C)(C)C", KEKULE).nodes == ("C", "N+", "C", "C", "C")
    assert graph_from_smiles("[CH2]C", KEKULE).nodes == ("[CH2]", "C")
    assert graph_from_smiles("c1cc[nH]c1", AROMATIC).nodes == ("C", "C", "C", "[NH]", "C")
    assert graph_from_smiles("[13CH3][O-]", KEKULE).nodes == ("13C", "O-")


def test_the_published_spelling_loses_aromatic_nitrogen_with_hydrogen():
    published = PUBLISHED["moses"].chemistry
    assert published is not None
    assert smiles_from_graph(graph_from_smiles("c1cc[nH]c1", published), published).status == "invalid"
    assert smiles_from_graph(graph_from_smiles("c1ccoc1", published), published).smiles == "c1ccoc1"


def test_the_largest_part_of_a_disconnected_molecule():
    graph = graph_from_smiles("CCN.Cl", KEKULE)
    assert smiles_from_graph(graph, KEKULE).smiles == "CCN.Cl"
    assert smiles_from_graph(graph, KEKULE, largest=True).smiles == "CCN"


def test_largest_valences():
    found = {label: largest_valence(label) for label in ("C", "N", "N+", "O", "O-", "S", "F", "[NH]", "[CH2]", "P")}
    assert found == {"C": 4, "N": 3, "N+": 4, "O": 2, "O-": 1, "S": 6, "F": 1, "[NH]": 2, "[CH2]": 2, "P": 5}


def test_what_is_not_a_molecule():
    with pytest.raises(GraphError, match=r"a SMILES that RDKit reads, got 'C1CC'; correct or leave it out"):
        graph_from_smiles("C1CC", KEKULE)
    with pytest.raises(GraphError, match="aromatic bonds have a Kekule form"):
        graph_from_smiles("c1cccc1", KEKULE)
    with pytest.raises(GraphError, match=r"said like C, N\+, 2H or \[NH\], got 'carbon'"):
        atom_of("carbon")
    assert (
        smiles_from_graph(Graph(("C",) * 6, tuple((0, i, "SINGLE") for i in range(1, 6))), KEKULE).status == "invalid"
    )


@pytest.mark.integration
@pytest.mark.parametrize("name", ["delaney", "freesolv", "bbbp", "clintox", "moses"])
def test_real_molecules_come_back(shared, name):
    folder = shared / "data" / "molecules" / name
    if name == "moses":
        rows = gzip.decompress((folder / "test.smi.gz").read_bytes()).decode().split()[:1000]
    else:
        with (folder / f"{name}.csv").open() as file:
            rows = [row[0] for row in csv.reader(file)][1:]
    lost = [s for s in rows if smiles_from_graph(graph_from_smiles(s, KEKULE), KEKULE).smiles != canonical(s)]
    assert len(lost) / len(rows) <= 0.001, lost[:5]
