"""Which molecules are for training, validation and test, where their place in the file is not what decides."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from humboldt.data_catalog import DataError, Split, split_units

from .toolkit import toolkit

KINDS = ("position", "random", "scaffold", "scaffold_chiral")
WAYS = {"file": {"file", "variant"}, "time": {"time"}}
"""What a choice that does not give the parts themselves may say."""


def scaffold(mol_or_smiles: Any, chiral: bool = False) -> str:
    """SMILES of the Bemis-Murcko scaffold: rings and what joins them; empty for a molecule without rings."""
    from rdkit.Chem.Scaffolds import MurckoScaffold

    mol = toolkit().MolFromSmiles(mol_or_smiles) if isinstance(mol_or_smiles, str) else mol_or_smiles
    return str(MurckoScaffold.MurckoScaffoldSmiles(mol=mol, includeChirality=chiral))


def scaffold_split(
    smiles: Sequence[Any], shares: tuple[float, float, float] = (0.8, 0.1, 0.1), *, chiral: bool = False
) -> Split:
    """Molecules of one scaffold stay together; the largest groups fill train, then validation, then test.

    Deterministic: groups are taken by size, of equal ones the one whose first row comes last first (as DeepChem and
    MoleculeNet do). `chiral` tells scaffolds apart by their chirality (Hu et al. 2020). The two differ by points in
    the scores: say which one was used.
    """
    groups: dict[str, list[int]] = {}
    for row, item in enumerate(smiles):
        groups.setdefault(scaffold(item, chiral), []).append(row)
    ordered = sorted(groups.values(), key=lambda rows: (len(rows), rows[0]), reverse=True)
    first, second = shares[0] * len(smiles), (shares[0] + shares[1]) * len(smiles)
    train: list[int] = []
    validation: list[int] = []
    test: list[int] = []
    for rows in ordered:
        if len(train) + len(rows) <= first:
            train += rows
        elif len(train) + len(validation) + len(rows) <= second:
            validation += rows
        else:
            test += rows
    return Split(train=tuple(sorted(train)), validation=tuple(sorted(validation)), test=tuple(sorted(test)))


def random_split(count: int, shares: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0) -> Split:
    """A seeded shuffle, cut by shares."""
    rows = list(range(count))
    random.Random(seed).shuffle(rows)
    first, second = round(shares[0] * count), round((shares[0] + shares[1]) * count)
    parts = (tuple(sorted(part)) for part in (rows[:first], rows[first:second], rows[second:]))
    return Split(**dict(zip(("train", "validation", "test"), parts, strict=True)))


def time_split(
    columns: Mapping[str, Any], name: str, rows: Sequence[int], shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
) -> tuple[Split, str]:
    """The earliest rows for training, the latest for the test; rows of one time stay together, in the earlier part.

    Args:
        columns: of the table.
        name: of the column that says when, in numbers or dates.
        rows: that were read.
        shares: of the parts.

    Returns:
        The parts, as places among the rows, and a word on how they were made.

    Raises:
        DataError: no such column, a row without a time, or dates whose day and month cannot be told apart.
    """
    import pandas as pd

    if name not in columns:
        raise DataError(f"a split by time needs a column that says when, got {name!r}; there are {list(columns)[:12]}")
    cells = pd.Series(columns[name]).iloc[list(rows)].reset_index(drop=True)
    when = pd.to_numeric(cells, errors="coerce").where(cells.notna())  # a date that is missing has a number, too
    if when.isna().any():
        when = dates(cells, name)
    if when.isna().any():
        place = int(when.isna().to_numpy().argmax())
        raise DataError(
            f"every row of a split by time says when, as a number or a date, got {cells[place]!r} in row {rows[place]} "
            f"of {name!r}; fill the cell or leave the row out"
        )
    ordered = when.sort_values(kind="stable")
    ends = [ordered.iloc[max(round(share * len(when)) - 1, 0)] for share in (shares[0], shares[0] + shares[1])]
    part = (when > ends[0]).astype(int) + (when > ends[1]).astype(int)
    parts = (tuple(part.index[part == number].tolist()) for number in range(3))
    return Split(**dict(zip(("train", "validation", "test"), parts, strict=True))), f"time in {name} 80/10/10"


def dates(cells: Any, name: str) -> Any:
    """When the cells of a column are, in UTC; those without a zone are taken for UTC, and those that are no date NaT.

    Raises:
        DataError: dates in numbers, none or both of which are above 12 somewhere: no order of day and month is shown.
    """
    import pandas as pd

    when = pd.to_datetime(cells, errors="coerce", format="mixed", utc=True)
    pairs = cells.astype(str).str.extract(r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}").dropna().astype(int)
    day_first, month_first = (pairs > 12).any()
    if day_first == month_first and (pairs[0] != pairs[1]).any():
        place = int((pairs[0] != pairs[1]).idxmax())
        raise DataError(
            f"dates in numbers have one order of day and month, which a number above 12 shows, got {cells[place]!r} in "
            f"{name!r} with {'both orders' if day_first else 'none'} in the column; write dates as 2020-06-01"
        )
    said = cells[pairs.index]
    when[pairs.index] = pd.to_datetime(said, errors="coerce", format="mixed", utc=True, dayfirst=bool(day_first))
    return when


def listed_split(path: str | Path, variant: str | None = None) -> tuple[dict[str, tuple[int, ...]], str]:
    """Rows of each part in a split file (`scaffold_split.json`), and the hash of the file.

    Raises:
        DataError: the file does not hold this variant.
    """
    content = Path(path).read_bytes()
    found = json.loads(content)
    if variant is None and "train" not in found and len(found) == 1:
        variant = next(iter(found))
    if variant is not None:
        found = found.get(variant, found)
    if "train" not in found:
        raise DataError(
            f"a split file lists train, valid and test, got {sorted(found)} in {path}; name a variant of it, such as "
            "split={'file': ..., 'variant': 'murcko'}"
        )
    names = {"train": "train", "valid": "validation", "validation": "validation", "val": "validation", "test": "test"}
    rows = {names[key]: tuple(int(row) for row in value) for key, value in found.items() if key in names}
    return rows, hashlib.sha256(content).hexdigest()


def require_one_way(by: str, choice: Mapping[str, Any] | None) -> None:
    """Refuse a split that is said in two ways, of which one would count for nothing.

    Raises:
        DataError: another kind than `KINDS`, a kind beside a choice, or more than the choice has room for.
    """
    if by not in KINDS:
        raise DataError(f"a split is made by {', '.join(KINDS)}, got {by!r}")
    if choice is None:
        return
    if by != "position":
        raise DataError(
            f"a split is said in one way, got split={dict(choice)} beside split_by={by!r}, which divides 80/10/10; "
            "leave one of the two out"
        )
    for way, words in WAYS.items():
        if way in choice and (odd := sorted(set(choice) - words)):
            raise DataError(f"a split by {way} says {' and '.join(sorted(words))} alone, got {odd} too; leave that out")


def make_split(
    items: Sequence[Any],
    rows: Sequence[int],
    by: str,
    choice: Mapping[str, Any] | None,
    parts: Mapping[str, tuple[int, ...]],
    seed: int,
    count: int,
) -> tuple[Split, str]:
    """The parts, as places among the rows that were read, and a word on how they were made.

    Args:
        items: what was read at these rows.
        rows: numbers of the rows in the file.
        by: one of `KINDS`.
        choice: sizes of the parts or their rows in the file, or {"file": path, "variant": name}.
        parts: as the file itself says.
        seed: of a random split.
        count: number of rows in the file.

    Raises:
        DataError: rows that the file does not have.
    """
    place = {row: i for i, row in enumerate(rows)}

    def here(listed: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
        for part, chosen in listed.items():
            if outside := [row for row in chosen if not 0 <= row < count]:
                raise DataError(
                    f"a split lists rows of its data, 0 to {count - 1}, got {outside[0]} in {part}; take the split of "
                    "these data or correct the list"
                )
        return {part: tuple(place[row] for row in chosen if row in place) for part, chosen in listed.items()}

    if choice is not None and "file" in choice:
        listed, digest = listed_split(choice["file"], choice.get("variant"))
        how = f"{Path(choice['file']).name} {choice.get('variant', '')} sha256 {digest[:16]}".strip()
        return Split(**here(listed)), how
    if choice is not None:
        listed = {part: units for part, units in choice.items() if not isinstance(units, int | float)}
        return split_units(len(items), {**choice, **here(listed)}), "rows given" if listed else "sizes given"
    if by.startswith("scaffold"):
        return scaffold_split(items, chiral=by == "scaffold_chiral"), f"{by} 80/10/10"
    if by == "random":
        return random_split(len(items), seed=seed), f"random 80/10/10, seed {seed}"
    return (Split(**here(parts)), "as in the file") if parts else (split_units(len(items)), "position in the file")
