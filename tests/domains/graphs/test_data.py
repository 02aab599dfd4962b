"""Files and objects of every kind, what is left out, splits, and the store of sequences."""

import gzip
import json
import logging
import re
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.graphs import (
    PUBLISHED,
    Chemistry,
    Graph,
    Ordering,
    SequenceStore,
    arranged,
    canonical,
    decode,
    graph_from_smiles,
    open_graphs,
    scaffold_split,
    smiles_from_graph,
    write_store,
)
from humboldt.finetune.sampler import Batches
from humboldt.registry import domain
from tests.domains.graphs.small import MOLECULES, small

SMILES = ["CCO", "c1ccccc1O", "CC(=O)N", "not a molecule", "CCN"]


def molecules(dataset: Any) -> list[str | None]:
    return [smiles_from_graph(graph, dataset.vocabulary.chemistry).smiles for graph in dataset.graphs]


def written(tmp_path: Path, kind: str) -> Path:
    table = pd.DataFrame({"SMILES": SMILES, "y": [1.0, np.nan, 3.0, 4.0, 5.0]})
    path = tmp_path / f"molecules{kind}"
    if kind == ".smi":
        path.write_text("\n".join(f"{s.replace(' ', '')} name" for s in SMILES))
    elif kind == ".smi.gz":
        path.write_bytes(gzip.compress("\n".join(s.replace(" ", "") for s in SMILES).encode()))
    elif kind == ".parquet":
        table.to_parquet(path)
    elif kind == ".sdf":
        from rdkit import Chem

        with Chem.SDWriter(str(path)) as writer:
            for smiles, y in zip(SMILES, table["y"], strict=True):
                if (mol := Chem.MolFromSmiles(smiles)) is not None:
                    mol.SetProp("y", str(y) if y == y else "")
                    writer.write(mol)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in kind else ",")
    return path


@pytest.mark.parametrize("kind", [".smi", ".smi.gz", ".csv", ".csv.gz", ".tsv", ".parquet", ".sdf"])
def test_molecules_from_every_kind_of_file(tmp_path, kind, caplog):
    with caplog.at_level(logging.WARNING):
        data = open_graphs(written(tmp_path, kind))
    assert molecules(data) == ["CCO", "Oc1ccccc1", "CC(N)=O", "CCN"]
    if kind != ".sdf":
        assert [(s.row, s.text.replace(" ", "")) for s in data.skipped] == [(3, "notamolecule")]
        assert "1 of 5 rows are left out: row 3: a molecule is a SMILES that RDKit reads" in caplog.text


def test_properties_and_missing_values(tmp_path):
    data = open_graphs(written(tmp_path, ".csv"), targets=["y"])
    assert data.values[:, 0].tolist() == pytest.approx([1.0, float("nan"), 3.0, 5.0], nan_ok=True)
    assert data.batch([2, 3]).target.tolist() == [[3.0], [5.0]]
    told = open_graphs(written(tmp_path, ".sdf"), goals=["y"]).batch([0])
    assert told.goals.tolist() == [[1.0]]
    assert told.target is None


def test_properties_that_are_text_or_missing(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("smiles,activity\nCC,1\nCCC,high\n")
    with pytest.raises(DataError, match=r"a number or an empty cell, got 'high' in row 1 of 'activity' \(1 such"):
        open_graphs(path, targets=["activity"])
    with pytest.raises(DataError, match=r"got 'activty'; did you mean 'activity'\?"):
        open_graphs(path, targets=["activty"])
    (tmp_path / "y.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"has a column of SMILES, got \['a', 'b'\] .*give smiles_column="):
        open_graphs(tmp_path / "y.csv")
    (tmp_path / "y.docx").touch()
    with pytest.raises(DataError, match=r"got y.docx; convert it"):
        open_graphs(tmp_path / "y.docx")
    with pytest.raises(FileNotFoundError, match="is not there; check the path"):
        open_graphs(tmp_path / "z.csv")
    with pytest.raises(DataError, match="at least one graph, got none of 2 rows; row 0: a molecule"):
        open_graphs(["x y", "(("])


@pytest.mark.parametrize(("separator", "start"), [(";", ""), ("\t", ""), (",", "\ufeff")])
def test_tables_as_other_programs_write_them(tmp_path, separator, start):
    path = tmp_path / "x.csv"
    path.write_text(start + f"id{separator}Canonical SMILES (std){separator}y\na{separator}CCO{separator}1\n", "utf-8")
    data = open_graphs(path, targets="y")
    assert molecules(data) == ["CCO"]
    assert data.values.tolist() == [[1.0]]
    path.write_bytes("smiles;größe\nCC;1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"list of molecules is text in UTF-8, but .*x.csv is not .*; save it anew"):
        open_graphs(path)


def test_lines_as_other_programs_write_them(tmp_path):
    path = tmp_path / "x.smi"
    path.write_bytes("\ufeffCC first\r\nCCO a\x0bb\u2028c\rN\n".encode())
    assert molecules(open_graphs(path)) == ["CC", "CCO", "N"]
    path.write_bytes("CC größe".encode("latin-1"))
    with pytest.raises(DataError, match=r"text in UTF-8, but .*x.smi is not .*; save it anew in that encoding"):
        open_graphs(path)
    (tmp_path / "x.csv").write_text("\n")
    with pytest.raises(DataError, match=r"has a head and a row for every molecule, got .*x.csv without either; fill"):
        open_graphs(tmp_path / "x.csv")


def test_the_hash_of_a_split_is_that_of_the_rows_of_the_source():
    rows, parts = ["CC", "CCO", "CN"], {"train": 2, "test": 1}
    first, last = open_graphs(["((", *rows], split=parts), open_graphs([*rows, "(("], split=parts)
    assert first.parts == last.parts
    assert first.split_sha256 != last.split_sha256 == open_graphs(rows, split=parts).split_sha256


def test_rows_of_a_split_are_those_of_the_source(tmp_path):
    """A row that is no molecule does not move those after it; a file of a split says the same."""
    rows, said = ["CC", "((", "CCO", "CN", "CCN", "CCF"], {"train": [0, 2], "validation": [1, 3], "test": [5]}
    listed = open_graphs(rows, split=said)
    assert [listed.rows[place] for place in listed.split("train").places] == [0, 2]
    assert [listed.rows[place] for place in listed.split("validation").places] == [3]
    assert [listed.rows[place] for place in listed.split("test").places] == [5]
    (tmp_path / "split.json").write_text(json.dumps(said))
    assert open_graphs(rows, split={"file": tmp_path / "split.json"}).parts == listed.parts
    (tmp_path / "split.json").write_text(json.dumps({**said, "test": [6]}))
    for other in ({"test": [6]}, {"file": tmp_path / "split.json"}):
        with pytest.raises(DataError, match=r"lists rows of its data, 0 to 5, got 6 in test; take the split of these"):
            open_graphs(rows, split=other)


def test_a_split_is_said_in_one_way():
    table = pd.DataFrame({"smiles": list(MOLECULES), "year": range(len(MOLECULES))})
    with pytest.raises(DataError, match=r"one way, got split={'test': 0.2} beside split_by='scaffold', .* leave one"):
        open_graphs(table, split={"test": 0.2}, split_by="scaffold")
    with pytest.raises(DataError, match=r"a split by time says time alone, got \['test'\] too; leave that out"):
        open_graphs(table, split={"time": "year", "test": 0.2})


def test_graphs_that_come_without_columns_are_given_some():
    graphs = [nx.path_graph(n) for n in (2, 3, 4)]
    data = open_graphs(graphs, values={"nodes": [2, 3, float("nan")], "bipartite": [1, 1, 1]}, targets=["nodes"])
    np.testing.assert_array_equal(data.values, np.array([[2], [3], [np.nan]], np.float32))
    with pytest.raises(DataError, match="a value a row, got 2 of 'nodes' for 3 rows; give NaN"):
        open_graphs(graphs, values={"nodes": [2, 3]}, targets=["nodes"])
    frame = pd.DataFrame({"smiles": ["C"], "y": [1]})
    with pytest.raises(DataError, match="got 1 of 'y' for 1 rows and the column is there already"):
        open_graphs(frame, values={"y": [2]})


def test_what_a_vocabulary_cannot_say_is_left_out():
    data = open_graphs(["CCO", "CCBr", "C" * 11], vocabulary="qm9")
    assert [s.row for s in data.skipped] == [1, 2]
    assert "got 'Br'" in data.skipped[0].reason
    assert "numbers 10 nodes, got a graph of 11" in data.skipped[1].reason


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("", "a row holds the SMILES of a molecule, got nothing; leave it out"),
        (None, "a molecule that RDKit reads, got one that it does not; leave it out"),
        (3.5, r"a graph is a SMILES, a molecule, a networkx graph or \(nodes, edges\), got a float"),
        ("CC(C)(C)(C)C", r"a SMILES that RDKit reads, got 'CC\(C\)\(C\)\(C\)C'; correct or leave it out"),
        ("c1cccc1", "aromatic bonds have a Kekule form, got a molecule without one; correct or leave it out"),
        (Graph(()), "at least one node, got a graph without any; leave it out"),
        ((3, [(0, 5)]), "two different nodes of 0 to 2, got 0-5; take it out"),
        ((3, [(1, 1)]), "two different nodes of 0 to 2, got 1-1; take it out"),
    ],
)
def test_a_row_that_is_no_graph_is_left_out_with_its_reason(row, said):
    data = open_graphs(["CCO", row, "CCN"])
    assert data.rows == (0, 2)
    assert [skipped.row for skipped in data.skipped] == [1]
    assert re.search(said, data.skipped[0].reason)


def test_salts_and_isotopes_and_charges_are_read_whole():
    smiles = ["CCN.Cl", "[Na+].[Cl-]", "[13CH4]", "C[N+](C)(C)CC(=O)[O-]", "c1cc[nH]c1"]
    data = open_graphs(smiles)
    assert data.graphs[0].components() == data.graphs[1].components() == 2
    assert not data.skipped
    for place, one in enumerate(smiles):
        ids = data.batch([place]).ids[0].tolist()
        found = smiles_from_graph(decode(ids, data.vocabulary), data.vocabulary.chemistry).smiles
        assert found == canonical(one)


def test_a_graph_beyond_the_positions_of_a_model():
    data = open_graphs(["C" * 30])
    with pytest.raises(ValueError, match=r"positions for 60 tokens, got a sequence of 208; leave out graphs that are"):
        small(data.vocabulary)(data.batch([0]))
    with pytest.raises(
        DataError, match=r"graphs that it can say, got none .* of at most 60 tokens; choose another model"
    ):
        arranged(data, small(data.vocabulary))


class Arrays:
    edge_index = np.array([[0, 1, 1, 2], [1, 0, 2, 1]])
    num_nodes = 4


def test_plain_graphs_from_objects():
    labelled = nx.Graph()
    labelled.add_node("x", label="a")
    labelled.add_node("y", label="b")
    labelled.add_edge("x", "y", label="strong")
    data = open_graphs([nx.path_graph(3), Arrays(), (3, [(0, 1), (1, 2)]), labelled])
    assert [len(graph) for graph in data.graphs] == [3, 4, 3, 2]
    assert [len(graph.edges) for graph in data.graphs] == [2, 2, 2, 1]
    assert data.graphs[3] == Graph(("a", "b"), ((0, 1, "strong"),))
    assert data.vocabulary.chemistry is None


def test_parts_of_an_archive_of_graphs(tmp_path):
    arrays: dict[str, Any] = {}
    for part, count in (("train", 3), ("val", 1)):
        arrays |= {f"{part}_num_nodes": np.full(count, 3), f"{part}_edges": np.array([[0, 1], [1, 2]] * count)}
        arrays |= {f"{part}_offsets": np.arange(count + 1) * 2}
    np.savez(tmp_path / "graphs.npz", **arrays)
    data = open_graphs(tmp_path / "graphs.npz")
    assert (len(data.split("train")), len(data.split("validation"))) == (3, 1)
    with pytest.raises(DataError, match="has no test part"):
        data.split("test")


def test_a_sequence_is_drawn_anew_and_from_the_seed():
    import torch

    data = domain("graphs").open(list(MOLECULES))
    torch.manual_seed(1)
    first, second = data.batch(range(10)), data.batch(range(10))
    torch.manual_seed(1)
    again = data.batch(range(10))
    assert torch.equal(first.ids, again.ids)
    assert not torch.equal(first.ids, second.ids)
    assert (first.real.sum(1).numpy() == data.lengths).all()


def test_a_scaffold_is_in_one_part():
    smiles = ["c1ccccc1C"] * 3 + ["C1CC1C", "C1CC1O", "c1ccncc1", "CCC", "CCO", "CCN", "C1CCC1"]
    parts = scaffold_split(smiles, (0.5, 0.3, 0.2))
    assert (parts.train, parts.validation, parts.test) == ((3, 4, 6, 7, 8), (0, 1, 2), (5, 9))


@pytest.mark.parametrize(("name", "column"), [("bbbp", "smiles"), ("freesolv", "smiles"), ("bace", "mol")])
@pytest.mark.parametrize("variant", ["murcko", "murcko_chiral"])
@pytest.mark.integration
def test_the_scaffold_split_of_the_lists(shared, name, column, variant):
    folder = shared / "data" / "molecules" / name
    by = "scaffold" if variant == "murcko" else "scaffold_chiral"
    made = open_graphs(folder / f"{name}.csv", split_by=by, smiles_column=column)
    listed = json.loads((folder / "scaffold_split.json").read_text())[variant]
    split = {"file": folder / "scaffold_split.json", "variant": variant}
    read = open_graphs(folder / f"{name}.csv", split=split, smiles_column=column)
    for ours, theirs in (("train", "train"), ("validation", "valid"), ("test", "test")):
        assert sorted(made.rows[i] for i in made.parts.part(ours)) == sorted(listed[theirs])
        assert read.parts.part(ours) == made.parts.part(ours) or set(read.parts.part(ours)) == set(
            made.parts.part(ours)
        )
    assert "sha256" in read.describe()["split_by"]


def test_the_earliest_rows_are_for_training(tmp_path):
    """Eleven rows in any order, one of which is no molecule; rows of one year stay together."""
    years = [2004, 2001, 2010, 2002, 2003, 2001, 2005, 2006, 2007, 2008, 2009]
    table = pd.DataFrame({"smiles": ["CCO", "C(", *["CCN"] * 9], "year": years})
    parts = open_graphs(table, split={"time": "year"})
    assert [years[parts.rows[place]] for place in parts.parts.test] == [2010]
    assert [years[parts.rows[place]] for place in parts.parts.validation] == [2009]
    assert len(parts.parts.train) == 8
    assert parts.split_by == "time in year 80/10/10"
    dates = open_graphs(table.assign(day=[f"{year}-03-01" for year in years]), split={"time": "day"})
    assert dates.parts == parts.parts
    with pytest.raises(DataError, match=r"a column that says when, got 'day'; there are \['year'\]"):
        open_graphs(table, split={"time": "day"})
    with pytest.raises(DataError, match=r"says when, .* got 'soon' in row 2 of 'year'; fill the cell"):
        open_graphs(table.assign(year=["2001", "2001", "soon", *["2004"] * 8]), split={"time": "year"})


def when(days: list[object]) -> list[int]:
    """The rows of the training part of a split by these days, those of the others after them."""
    parts = open_graphs(pd.DataFrame({"smiles": ["CCO"] * len(days), "day": days}), split={"time": "day"}).parts
    return [*parts.train, *parts.validation, *parts.test]


def test_days_are_read_in_one_order_and_zone():
    """Each is the latest at another place than where it would be by another order of day and month, or zone."""
    first = [f"{day:02}/01/2020" for day in range(1, 11)]
    assert when([*first, "13/02/2020", "01/03/2020"]) == list(range(12))
    assert when(["02/13/2020", "12/01/2020", *[f"01/{day:02}/2020" for day in range(1, 9)]])[-1] == 1
    zoned = [f"2020-01-01T{hour:02}:00:00+00:00" for hour in range(10)]
    assert when(["2020-01-01T10:00:00+09:00", "2020-01-01 12:00", *zoned])[-1] == 1
    for odd, why in (([*first, "02/01/2020"], "none"), ([*first, "13/01/2020", "01/13/2020"], "both orders")):
        with pytest.raises(DataError, match=rf"one order of day and month, .* got '02/01/2020' in 'day' with {why} in"):
            when(odd)
    days = pd.to_datetime([*[f"2020-01-{day:02}" for day in range(1, 11)], None])
    with pytest.raises(DataError, match=r"says when, .* got NaT in row 10 of 'day'; fill the cell or leave the row"):
        when(list(days))
    with pytest.raises(DataError, match=r"says when, .* got NaT in row 10 of 'day'; fill the cell or leave the row"):
        open_graphs(pd.DataFrame({"smiles": ["CCO"] * 11, "day": days}), split={"time": "day"})


def test_several_processes_read_the_same():
    rows = [*MOLECULES, "not a molecule", "", *MOLECULES]
    here, there = open_graphs(rows), open_graphs(rows, processes=2)
    assert there.graphs == here.graphs
    assert there.skipped == here.skipped
    assert [s.row for s in there.skipped] == [len(MOLECULES), len(MOLECULES) + 1]


def test_any_graphs_of_a_part_can_be_chosen():
    test = open_graphs(list(MOLECULES), split={"train": 6, "test": 4}).split("test")
    chosen = test.choose([3, 1])
    assert test.units == 4
    assert chosen.places == (test.places[3], test.places[1])
    assert chosen.fingerprint != test.fingerprint


def test_a_store_gives_back_what_was_written(tmp_path):
    graphs = [graph_from_smiles(s, Chemistry()) for s in MOLECULES]
    data = open_graphs(list(MOLECULES))
    values = np.arange(10.0)[:, None]
    path = write_store(tmp_path / "s.zarr", graphs, data.vocabulary, copies=3, values=values, names=["y"])
    store = open_graphs(path)
    assert (len(store), store.vocabulary, store.ordering) == (30, data.vocabulary, Ordering())
    found = [smiles_from_graph(decode(store.sequence(i), store.vocabulary), Chemistry()).smiles for i in range(30)]
    assert found == [smiles_from_graph(g, Chemistry()).smiles for g in graphs for _ in range(3)]
    assert len({tuple(store.sequence(i)) for i in range(3, 6)}) > 1
    train, test = store.split("train"), store.split("test")
    assert {int(p) // 3 for p in train.places} & {int(p) // 3 for p in test.places} == set()
    batch = store.batch([29, 0])
    assert batch.target.tolist() == [[9.0], [0.0]]
    assert batch.ids[0][batch.real[0]].tolist() == store.sequence(29)
    assert len(store.take(2)) == 6


def test_a_store_is_not_written_over_and_not_half_written(tmp_path, monkeypatch):
    vocabulary, graphs = PUBLISHED["qm9"], [Graph(("C",))]
    path = write_store(tmp_path / "s.zarr", graphs, vocabulary)
    with pytest.raises(DataError, match="is there; choose overwrite=True"):
        write_store(path, graphs, vocabulary)
    with pytest.raises(ValueError, match="got 'Xe'"):
        write_store(path, [*graphs, Graph(("Xe",))], vocabulary, overwrite=True)
    assert len(SequenceStore.open(path)) == 1
    with pytest.raises(DataError, match="got no graphs"):
        write_store(tmp_path / "none.zarr", [], vocabulary)
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match="sequences are read from a Zarr store"):
        open_graphs(tmp_path / "other")


def test_chunks_are_joined(tmp_path, monkeypatch):
    import humboldt.domains.graphs.store as module

    monkeypatch.setattr(module, "CHUNK", 16)
    data = open_graphs(list(MOLECULES))
    store = SequenceStore.open(write_store(tmp_path / "s.zarr", data.graphs, data.vocabulary))
    assert len(list((tmp_path / "s.zarr" / "ids" / "c").iterdir())) > 5
    for i, graph in enumerate(data.graphs):
        assert len(decode(store.sequence(i), store.vocabulary)) == len(graph)


def test_batches_of_similar_lengths_waste_little():
    random = np.random.default_rng(0)
    counts = random.integers(8, 28, 3000)
    data = open_graphs([(int(n), [(i, i + 1) for i in range(n - 1)]) for n in counts])
    order = Batches(data, 64, 100, 0).order
    rows = [data.lengths[order[i][1]] for i in range(100)]
    waste = 1 - sum(r.sum() for r in rows) / sum(r.max() * len(r) for r in rows)
    print(f"padding waste {100 * waste:.2f} %")
    assert waste < 0.05
    seen = np.concatenate([order[i][1] for i in range(100)])
    assert np.bincount(seen, minlength=3000).max() <= 4
    assert len({row.max() for row in rows[:20]}) > 3
