"""Labels of atoms and bonds: how they are spelled, which atom they say, how many bonds it takes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .graph import GraphError
from .toolkit import toolkit

ATOM = re.compile(r"(\[?)(\d*)([A-Z][a-z]?|\*)(?:H(\d*))?([+-]\d*)?(\]?)(?:@[RSrs])?")
MOST_BONDS = 13


@lru_cache(maxsize=4096)
def atom_label(number: int, isotope: int, charge: int, hydrogens: int, bonds: int, exact: bool) -> str:
    """The label of an atom that has so many hydrogens and, counted by their order, so many bonds."""
    symbol = toolkit().GetPeriodicTable().GetElementSymbol(number)
    if not exact:
        return str(symbol)
    return spelled(
        symbol, isotope, charge, None if implied_hydrogens(number, charge, bonds) == hydrogens else hydrogens
    )


@lru_cache(maxsize=4096)
def spelled(symbol: str, isotope: int, charge: int, hydrogens: int | None) -> str:
    """Element, isotope, charge and, in square brackets, the hydrogens that are stated; None where they follow."""
    sign = "" if charge == 0 else ("+" if charge > 0 else "-") + (str(abs(charge)) if abs(charge) > 1 else "")
    inner = f"{isotope or ''}{symbol}"
    if hydrogens is None:
        return inner + sign
    held = "" if hydrogens == 0 else "H" if hydrogens == 1 else f"H{hydrogens}"
    return f"[{inner}{held}{sign}]"


@lru_cache(maxsize=4096)
def implied_hydrogens(number: int, charge: int, bonds: int) -> int:
    """Hydrogens that RDKit gives to an atom with so many bonds (counted by their order)."""
    chem = toolkit()
    mol = chem.RWMol()
    atom = chem.Atom(number)
    atom.SetFormalCharge(charge)
    mol.AddAtom(atom)
    for _ in range(bonds):
        mol.AddBond(0, mol.AddAtom(chem.Atom(0)), chem.BondType.SINGLE)
    mol.UpdatePropertyCache(strict=False)
    return int(mol.GetAtomWithIdx(0).GetTotalNumHs())


@lru_cache(maxsize=4096)
def atom_of(label: str) -> Any:
    """The RDKit atom of a label.

    Raises:
        GraphError: not the label of an atom.
    """
    chem, found = toolkit(), ATOM.fullmatch(label)
    if found is None or bool(found[1]) != bool(found[6]):
        raise GraphError(f"an atom is said like C, N+, 2H or [NH], got {label!r}")
    bracket, isotope, symbol, hydrogens, charge, _ = found.groups()
    try:
        atom = chem.Atom(0 if symbol == "*" else symbol)
    except RuntimeError as error:
        raise GraphError(f"an atom is of an element, got {label!r}") from error
    atom.SetIsotope(int(isotope or 0))
    if charge:
        atom.SetFormalCharge(int(charge + "1" if len(charge) == 1 else charge))
    if bracket:
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(0 if hydrogens is None else int(hydrogens or 1))
    return atom


def bond_type(label: str) -> str:
    """The label of a bond without its stereochemistry."""
    return label.partition("@")[0]


@lru_cache(maxsize=4096)
def largest_valence(label: str) -> int:
    """The most bonds, counted by their order, that an atom of this label may have beside its stated hydrogens."""
    atom = atom_of(label)
    number, charge, held = atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetNumExplicitHs()
    return max((bonds for bonds in range(MOST_BONDS) if _fits(number, charge, bonds + held)), default=0)


@lru_cache(maxsize=4096)
def _fits(number: int, charge: int, bonds: int) -> bool:
    chem = toolkit()
    mol = chem.RWMol()
    atom = chem.Atom(number)
    atom.SetFormalCharge(charge)
    atom.SetNoImplicit(True)
    mol.AddAtom(atom)
    for _ in range(bonds):
        mol.AddBond(0, mol.AddAtom(chem.Atom(0)), chem.BondType.SINGLE)
    return bool(chem.SanitizeMol(mol, catchErrors=True) == chem.SanitizeFlags.SANITIZE_NONE)
