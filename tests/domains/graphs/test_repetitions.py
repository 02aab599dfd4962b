"""Molecules in several rows are counted, and where a split tears them apart it is said."""

import logging

import numpy as np
import pandas as pd

from humboldt.domains.graphs import open_graphs
from humboldt.domains.graphs.repetitions import repeated

ROWS = ["CCO", "OCC", "CCC", "c1ccccc1", "C1=CC=CC=C1", "C(C)O", "CCN", "C[C@H](F)Cl", "C[C@@H](F)Cl", "CCCC"]


def test_the_same_molecule_written_otherwise():
    data = open_graphs(ROWS)
    assert sorted(map(sorted, repeated(data.graphs, ROWS))) == [[0, 1, 5], [3, 4]]


def test_repetitions_are_told_with_their_parts_and_values(caplog):
    frame = pd.DataFrame({"smiles": [*ROWS, "not a molecule"], "y": [1.0, 1, 2, 3, 3, 5, 6, 7, 8, 9, 0]})
    with caplog.at_level(logging.WARNING):
        open_graphs(frame, targets="y", split={"train": 3, "validation": 3, "test": 4})
    said = caplog.messages[-1]
    assert "2 molecules stand in more than one row (such as rows 0, 1, 5): 1 of them in more than one part" in said
    assert "split_by='scaffold' keeps them together), and 1 with different values" in said
    caplog.clear()
    # the first row is for training, the last for testing, and the one between in no part
    open_graphs(["CCO", "OCC", "CCC"], values={"y": [0.0] * 3}, targets="y", split={"train": 1, "test": 1})
    assert "in more than one row (such as rows 0, 1): 0 of them in more than one part" in caplog.messages[-1]
    caplog.clear()
    frame.loc[1, "y"] = frame.loc[5, "y"] = np.nan
    open_graphs(frame, targets="y", split_by="scaffold")
    assert "0 of them in more than one part" in caplog.messages[-1]
    assert "and 0 with different values" in caplog.messages[-1]
    caplog.clear()
    open_graphs(ROWS[5:], values={"y": [0.0] * 5}, targets="y")
    assert not [message for message in caplog.messages if "more than one row" in message]
