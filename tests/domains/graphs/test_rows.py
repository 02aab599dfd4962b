"""Pieces of a file are the rows that it has as a whole."""

import gzip

import pandas as pd
import pytest

from humboldt.domains.graphs.files import read_source
from humboldt.domains.graphs.rows import HeldRows, ParquetRows, TextRows, open_rows

TABLE = (
    'name,smiles,note\n"a, b",CC,"two\nlines"\n\nc,CO,"she said ""no"", and\n\nleft"\nd,,\n'
    'e,CCO,x\r\nf 4"-di,C,y\ng,CCC,""\nh,N,"4"" or\nmore"\ni,O,last'
)
LINES = "CC first\n\nCO a\x0bb\u2028c\nCCO third\r\n  \nN"


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def structures():
    from rdkit import Chem

    blocks = []
    for number, smiles in enumerate(["CC", "CO", "CCO", "N", "CCC"]):
        molecule = Chem.MolFromSmiles(smiles)
        blocks.append(f"{Chem.MolToMolBlock(molecule)}> <number>\n{number}\n\n$$$$\n")
    blocks[3] = "broken\n\n$$$$\n"
    return "".join(blocks)


@pytest.mark.parametrize("every", [1, 2, 3, 100])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.smi", "t.smi.gz", "t.sdf"])
def test_pieces_together_are_the_whole(tmp_path, name, every):
    text = LINES if ".smi" in name else structures() if name == "t.sdf" else TABLE
    path = write(tmp_path / name, text.replace(",", "\t") if ".tsv" in name else text)
    rows, whole = open_rows(path, every), read_source(path)
    assert isinstance(rows, TextRows)
    assert len(rows) == len(whole.items) == {".csv": 8, ".tsv": 8, ".smi": 6, ".sdf": 5}[path.suffixes[0]]
    starts = range(0, len(rows), every)
    for order in (starts, reversed(starts)):
        parts = {start: rows.read(start, min(start + every, len(rows))) for start in order}
        items = [item for start in starts for item in parts[start].items]
        assert [shown(item) for item in items] == [shown(item) for item in whole.items]
    for column, values in whole.columns.items():
        found = [value for start in starts for value in parts[start].columns.get(column, [None] * every)]
        assert [str(value) for value in found[: len(whole.items)]] == [str(value) for value in values]


def shown(item):
    if item is None or isinstance(item, str):
        return item
    from rdkit import Chem

    return Chem.MolToSmiles(item)


def test_tables_in_groups_and_rows_in_memory(tmp_path):
    table = pd.DataFrame({"smiles": [f"{'C' * (n + 1)}" for n in range(10)], "n": range(10)})
    table.to_parquet(tmp_path / "t.parquet", row_group_size=4)
    rows = open_rows(tmp_path / "t.parquet", 3)
    assert isinstance(rows, ParquetRows)
    for first, end in ((0, 3), (3, 6), (6, 9), (9, 10)):
        found = rows.read(first, end)
        assert list(found.items) == table["smiles"][first:end].tolist()
        assert list(found.columns["n"]) == list(range(first, end))
    held = open_rows(table, 3)
    assert isinstance(held, HeldRows)
    assert list(held.read(3, 6).items) == table["smiles"][3:6].tolist()


@pytest.mark.parametrize(("name", "text"), [("t.csv", "smiles\n"), ("t.smi", ""), ("t.sdf", "\n")])
def test_a_file_without_rows_has_none(tmp_path, name, text):
    assert len(open_rows(write(tmp_path / name, text), 2)) == 0


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"read from a file, got .*t.csv, which is not there"):
        open_rows(tmp_path / "t.csv", 2)
