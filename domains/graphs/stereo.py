"""Stereochemistry as labels that do not depend on how atoms are numbered: R and S of atoms, E and Z of double bonds.

A chiral tag says in which sense the neighbours of an atom follow each other in the file, so it changes with the order
of the atoms, and a graph has none. The descriptors of Cahn, Ingold and Prelog do not: `C@R`, `N+@S`, `DOUBLE@E` (and
`r`, `s` of atoms whose neighbours differ by their stereochemistry alone). They come from RDKit's labeller (after Hanson
and others, J. Chem. Inf. Model. 58, 1755, 2018). Back, tags are set and turned until the labels are as they were said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from .graph import Graph
from .toolkit import toolkit

TURNS = 4  # labels that hang on other labels settle one after another
CODE = "_CIPCode"


def label_stereo(graph: Graph, mol: Any) -> Graph:
    """The graph of a molecule with the descriptors of its atoms and double bonds."""
    from rdkit.Chem import rdCIPLabeler

    marked = toolkit().Mol(mol)
    for part in (*marked.GetAtoms(), *marked.GetBonds()):
        part.ClearProp(CODE)
    rdCIPLabeler.AssignCIPLabels(marked)
    nodes = (label + _said(atom) for label, atom in zip(graph.nodes, marked.GetAtoms(), strict=True))
    edges = ((a, b, label + _said(marked.GetBondBetweenAtoms(a, b))) for a, b, label in graph.edges)
    return dataclasses.replace(graph, nodes=tuple(nodes), edges=tuple(edges))


def place_stereo(mol: Any, nodes: Iterable[str], edges: Iterable[tuple[int, int, str]]) -> None:
    """Give a sanitised molecule the stereochemistry of these labels; what an atom or bond cannot have is left out."""
    chem = toolkit()
    wanted: list[tuple[Any, str]] = []
    for number, label in enumerate(nodes):
        if code := label.partition("@")[2]:
            atom = mol.GetAtomWithIdx(number)
            atom.SetChiralTag(chem.ChiralType.CHI_TETRAHEDRAL_CW)
            wanted.append((atom, code))
    for a, b, label in edges:
        if code := label.partition("@")[2]:
            bond = mol.GetBondBetweenAtoms(a, b)
            ends = [_beside(bond.GetBeginAtom(), bond), _beside(bond.GetEndAtom(), bond)]
            if None not in ends and bond.GetBondType() == chem.BondType.DOUBLE:
                bond.SetStereoAtoms(*ends)
                bond.SetStereo(chem.BondStereo.STEREOCIS)
                wanted.append((bond, code))
    if wanted:
        _turn(mol, wanted)
        chem.SetDoubleBondNeighborDirections(mol)
        chem.AssignStereochemistry(mol, cleanIt=True, force=True)


def _turn(mol: Any, wanted: list[tuple[Any, str]]) -> None:
    """Turn what has another label than was said, until none has."""
    from rdkit.Chem import rdCIPLabeler

    chem = toolkit()
    for _ in range(TURNS):
        rdCIPLabeler.AssignCIPLabels(mol)
        wrong = [part for part, code in wanted if part.HasProp(CODE) and part.GetProp(CODE) != code]
        if not wrong:
            return
        for part in wrong:
            part.ClearProp(CODE)
            if isinstance(part, chem.Bond):
                cis = part.GetStereo() == chem.BondStereo.STEREOCIS
                part.SetStereo(chem.BondStereo.STEREOTRANS if cis else chem.BondStereo.STEREOCIS)
            else:
                part.InvertChirality()


def _beside(atom: Any, bond: Any) -> int | None:
    """A neighbour of an end of a double bond."""
    others = (other.GetIdx() for other in atom.GetNeighbors())
    return next((number for number in others if number != bond.GetOtherAtomIdx(atom.GetIdx())), None)


def _said(part: Any) -> str:
    return f"@{part.GetProp(CODE)}" if part.HasProp(CODE) else ""
