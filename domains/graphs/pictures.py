"""Molecules as a grid of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from humboldt.data_catalog import DataError

from .graph import GraphError
from .toolkit import toolkit


def draw_molecules(
    smiles: Sequence[str], output: str | Path, *, captions: Sequence[str] = (), columns: int = 6, size: int = 220
) -> Path:
    """Draw molecules row by row into a PNG file.

    Args:
        smiles: of the molecules.
        output: the file.
        captions: a line under each.
        columns: molecules in a row.
        size: of each picture [pixels].

    Raises:
        DataError: no molecules, or another number of captions.
        GraphError: not the SMILES of a molecule.
    """
    if not smiles or len(captions) not in (0, len(smiles)):
        raise DataError(
            f"a picture shows molecules, each with a caption or none, got {len(smiles)} and {len(captions)}"
        )
    from rdkit.Chem.Draw import rdMolDraw2D

    molecules = [toolkit().MolFromSmiles(one) for one in smiles]
    if None in molecules:
        raise GraphError(
            f"a molecule is a SMILES that RDKit reads, got {smiles[molecules.index(None)]!r}; leave it out"
        )
    rows = -(-len(molecules) // columns)
    canvas = rdMolDraw2D.MolDraw2DCairo(columns * size, rows * size, size, size)
    canvas.DrawMolecules(molecules, legends=list(captions) or [""] * len(molecules))
    canvas.FinishDrawing()
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{output.name}.writing")
    aside.write_bytes(canvas.GetDrawingText())
    os.replace(aside, output)
    return output
