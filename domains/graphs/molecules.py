"""Molecules as graphs, and graphs as molecules, through RDKit.

A graph says atoms and bonds. In the `exact` spelling of atoms nothing but stereochemistry is lost: `N` is a nitrogen
with as many hydrogens as its bonds leave room for, `N+` the same with a charge, `2H` with an isotope, and a label in
square brackets states its hydrogens, as in SMILES: `[CH2]`, `[NH]`, `[Cl]`. With `Chemistry(stereo=True)` labels say
that too: `C@R`, `DOUBLE@E` (see `stereo`). The `element` spelling of the published models says the element alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .atoms import atom_label, atom_of, bond_type, implied_hydrogens, spelled
from .graph import Graph, GraphError
from .sequence import decode
from .toolkit import toolkit
from .vocabulary import Chemistry, Vocabulary

USUAL_VALENCE = {7: 3, 8: 2, 16: 2}  # of the charge rule: nitrogen, oxygen, sulphur
ORDERS = {0: "ZERO", 1: "SINGLE", 2: "DOUBLE", 3: "TRIPLE", 4: "QUADRUPLE", 17: "DATIVE"}
EXPLICIT_VALENCE = re.compile(r"Explicit valence for atom # (\d+) \S+, (\d+)")


def read_smiles(smiles: str) -> Any:
    """An RDKit molecule with its valences checked and its bonds as they are written.

    Raises:
        GraphError: not the SMILES of a molecule.
    """
    chem = toolkit()
    if "H]" in smiles:  # atoms of hydrogen may have to go, which takes all of the usual steps
        mol = chem.MolFromSmiles(smiles)
    else:
        mol = chem.MolFromSmiles(smiles, sanitize=False)
        flags = chem.SanitizeFlags
        steps = flags.SANITIZE_CLEANUP | flags.SANITIZE_PROPERTIES | flags.SANITIZE_SYMMRINGS
        if mol is not None and chem.SanitizeMol(mol, steps, catchErrors=True) != flags.SANITIZE_NONE:
            mol = None
    if mol is None:
        raise GraphError(f"a molecule is a SMILES that RDKit reads, got {smiles!r}; correct or leave it out")
    return mol


def graph_from_smiles(smiles: str, chemistry: Chemistry) -> Graph:
    """The graph of a molecule; its atoms in the order of the SMILES.

    Raises:
        GraphError: not a molecule, or one whose aromatic bonds have no Kekule form.
    """
    if chemistry.bonds == "kekule" and not chemistry.stereo:
        return graph_from_molecule(read_smiles(smiles), chemistry)
    mol = toolkit().MolFromSmiles(smiles)
    if mol is None:
        raise GraphError(f"a molecule is a SMILES that RDKit reads, got {smiles!r}; correct or leave it out")
    return graph_from_molecule(mol, chemistry)


def graph_from_molecule(mol: Any, chemistry: Chemistry) -> Graph:
    """The graph of an RDKit molecule, which is left as it is.

    Raises:
        GraphError: aromatic bonds without a Kekule form.
    """
    graph = (_kekule if chemistry.bonds == "kekule" else _aromatic)(mol, chemistry.atoms == "exact")
    if not chemistry.stereo:
        return graph
    from .stereo import label_stereo

    return label_stereo(graph, mol)


def _kekule(mol: Any, exact: bool) -> Graph:
    """All of a molecule at once, through RDKit's JSON: asking atom by atom takes several times as long."""
    chem = toolkit()
    try:
        found = json.loads(chem.rdMolInterchange.MolToJSON(mol))["molecules"][0]
    except (chem.KekulizeException, chem.AtomValenceException) as error:
        raise GraphError(f"a molecule has valences that RDKit knows, but: {error}; leave it out") from error
    if any(extension.get("aromaticBonds") and _unsettled(found) for extension in found.get("extensions", ())):
        raise GraphError("aromatic bonds have a Kekule form, got a molecule without one; correct or leave it out")
    atoms = found["atoms"]
    bonds, edges = [0] * len(atoms), []
    for bond in found.get("bonds", ()):
        (a, b), order = bond["atoms"], bond.get("bo", 1)
        bonds[a] += order
        bonds[b] += order
        edges.append((a, b, ORDERS[order]))
    labels = (
        atom_label(atom.get("z", 6), atom.get("isotope", 0), atom.get("chg", 0), atom.get("impHs", 0), count, exact)
        for atom, count in zip(atoms, bonds, strict=True)
    )
    return Graph(tuple(labels), tuple(edges))


def _unsettled(found: dict[str, Any]) -> bool:
    """Whether a bond has no order: RDKit writes 0 for aromatic bonds without a Kekule form."""
    return any(bond.get("bo") == 0 for bond in found.get("bonds", ()))


def _aromatic(mol: Any, exact: bool) -> Graph:
    def label(atom: Any) -> str:
        number, charge, hydrogens = atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetTotalNumHs()
        if atom.GetIsAromatic():
            stated = hydrogens > 0 and (number != 6 or charge != 0)
        else:
            bonds = atom.GetValence(toolkit().ValenceType.EXPLICIT) - atom.GetNumExplicitHs()
            stated = implied_hydrogens(number, charge, bonds) != hydrogens
        return spelled(atom.GetSymbol(), atom.GetIsotope(), charge, hydrogens if stated else None)

    nodes = (label(atom) if exact else str(atom.GetSymbol()) for atom in mol.GetAtoms())
    edges = ((b.GetBeginAtomIdx(), b.GetEndAtomIdx(), str(b.GetBondType())) for b in mol.GetBonds())
    return Graph(tuple(nodes), tuple(edges))


@dataclass(frozen=True)
class Decoded:
    """What became of a sequence or a graph.

    Attributes:
        status: `ok`; `invalid`, a graph that is not a molecule; `error`, tokens that are not a graph.
        smiles: canonical SMILES of the largest connected part if `ok`.
    """

    status: Literal["ok", "invalid", "error"]
    smiles: str | None = None


def decode_molecule(ids: Iterable[int], vocabulary: Vocabulary, *, largest: bool = True) -> Decoded:
    """The molecule of a sequence; with `largest` its largest connected part, as published."""
    try:
        graph = decode(ids, vocabulary)
    except GraphError:
        return Decoded("error")
    return smiles_from_graph(graph, _chemistry(vocabulary), largest=largest)


def smiles_from_graph(graph: Graph, chemistry: Chemistry, *, largest: bool = False) -> Decoded:
    """Canonical SMILES of a graph, with the stereochemistry that its labels say."""
    mol = molecule_from_graph(graph, chemistry)
    if mol is None:
        return Decoded("invalid")
    chem = toolkit()
    if largest and graph.components() > 1:
        mol = max(chem.GetMolFrags(mol, asMols=True), key=lambda part: part.GetNumAtoms())
    return Decoded("ok", chem.MolToSmiles(mol))


def molecule_from_graph(graph: Graph, chemistry: Chemistry) -> Any | None:
    """The RDKit molecule of a graph, sanitised; None where that fails."""
    chem = toolkit()
    mol = chem.RWMol()
    for label in graph.nodes:
        mol.AddAtom(atom_of(label))
    for a, b, label in graph.edges:
        mol.AddBond(a, b, chem.BondType.names[bond_type(label)])
        if label == "AROMATIC" and chemistry.atoms == "exact":
            mol.GetAtomWithIdx(a).SetIsAromatic(True)
            mol.GetAtomWithIdx(b).SetIsAromatic(True)
            mol.GetBondBetweenAtoms(a, b).SetIsAromatic(True)
        if chemistry.charge_rule:
            _charge(mol)
    try:
        chem.SanitizeMol(mol)
    except (ValueError, RuntimeError):  # RDKit's own exceptions are values that do not fit
        return None
    if chemistry.stereo:
        from .stereo import place_stereo

        place_stereo(mol, graph.nodes, graph.edges)
    return mol.GetMol()


def _charge(mol: Any) -> None:
    """Give +1 to an N, O or S that has exactly one bond too many (one atom a bond, as published)."""
    chem = toolkit()
    try:
        chem.SanitizeMol(mol, chem.SanitizeFlags.SANITIZE_PROPERTIES)
    except chem.AtomValenceException as error:
        if found := EXPLICIT_VALENCE.search(str(error)):
            atom = mol.GetAtomWithIdx(int(found[1]))
            if int(found[2]) - USUAL_VALENCE.get(atom.GetAtomicNum(), 99) == 1:
                atom.SetFormalCharge(1)


def canonical(smiles: str) -> str:
    """Canonical SMILES without stereochemistry: what a graph says if nothing else is asked for.

    Raises:
        GraphError: not the SMILES of a molecule.
    """
    chem = toolkit()
    mol = chem.MolFromSmiles(smiles)
    if mol is None:
        raise GraphError(f"a molecule is a SMILES that RDKit reads, got {smiles!r}; correct or leave it out")
    chem.RemoveStereochemistry(mol)
    return str(chem.MolToSmiles(mol))


def _chemistry(vocabulary: Vocabulary) -> Chemistry:
    if vocabulary.chemistry is None:
        raise GraphError(f"graphs of {vocabulary.name} are not molecules; use decode")
    return vocabulary.chemistry
