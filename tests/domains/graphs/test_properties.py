"""Properties end to end: a table in, a tuned model, a table out; what cannot be read or said; scores and embeddings."""

import math
import random

import numpy as np
import pandas as pd
import pytest
import torch

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.graphs import (
    PropertyHead,
    Readout,
    Vocabulary,
    arranged,
    average_precision,
    build,
    calibration,
    decoder_core,
    embeddings,
    for_task,
    graph_from_smiles,
    open_graphs,
    predict_properties,
    sayable,
    score_properties,
)
from humboldt.domains.graphs.config import GraphConfig
from humboldt.domains.graphs.metrics import interval
from humboldt.domains.graphs.vocabulary import Chemistry
from humboldt.foundations import ConfigError, Model
from humboldt.measuring import measure
from tests.domains.graphs.small import small

LABELS = ("C", "O", "N", "*")


def vocabulary(indices: int = 12) -> Vocabulary:
    return Vocabulary(
        name="few", indices=indices, nodes=LABELS, edges=("SINGLE", "DOUBLE"), spelling="growth", chemistry=Chemistry()
    )


def tiny() -> Model:
    """Fresh weights that can learn."""
    core = decoder_core(layers=2, heads=2, width=32)
    return build(GraphConfig(vocabulary=vocabulary(), core=core, length=40, rows=len(vocabulary())))


def table(count: int = 90) -> pd.DataFrame:
    """Chains and what they hold: numbers of carbons, a class with unknown labels."""
    chance = random.Random(0)
    rows: list[tuple[str, float, float]] = []
    for _ in range(count):
        smiles = "".join(chance.choice("CCON") for _ in range(chance.randint(2, 8)))
        smiles = smiles.replace("OO", "OC").replace("NN", "NC").replace("ON", "OC").replace("NO", "NC")
        rows.append((smiles, float(smiles.count("C")), float("O" in smiles) if len(rows) % 5 else np.nan))
    return pd.DataFrame(rows, columns=["smiles", "carbons", "oxygen"])


def test_learn_save_read_predict_score(tmp_path):
    torch.manual_seed(0)
    model, frame = tiny(), table()
    data = open_graphs(frame, targets=["carbons"], split={"test": 12, "validation": 8})
    tuned = humboldt.finetune(
        model, data, task="regression", output=tmp_path / "run", steps=100, batch_size=16, core_rate=5e-3,
        embedding_rate=1e-2, norm_rate=1e-2, progress=False,
    )  # fmt: skip
    scores = humboldt.evaluate(tuned, data, json=True)
    spread = float(np.nanstd(frame["carbons"]))
    assert scores["rmse"].item() < 0.85 * spread
    assert scores.attrs["split_by"] == "sizes given"
    assert scores.attrs["split_sha256"] == data.split_sha256 == data.split("train").split_sha256
    other = open_graphs(frame, targets=["carbons"], split={"test": 13, "validation": 8})
    assert other.split_sha256 != data.split_sha256
    assert (tmp_path / "run" / "config.json").is_file()
    again = humboldt.from_pretrained(tmp_path / "run")
    assert again.config.readout.pooling == "layers"
    assert for_task(model, data, "regression", pooling="last").head.out.weight.shape == (1, 32)
    assert isinstance(again.head, PropertyHead)
    found, expected = (humboldt.predict(m, frame) for m in (again, tuned))
    pd.testing.assert_frame_equal(found, expected)
    assert list(found.columns) == ["graph", "carbons", "problem"]
    assert len(found) == len(frame)
    assert abs(float(found["carbons"].mean()) - float(frame["carbons"].mean())) < spread


def test_several_classes_with_unknown_labels():
    torch.manual_seed(0)
    frame = table()
    frame["nitrogen"] = [float("N" in smiles) for smiles in frame["smiles"]]
    data = open_graphs(frame, targets=["oxygen", "nitrogen"], split={"test": 20})
    tuned = humboldt.finetune(
        tiny(), data, task="classification", steps=100, batch_size=16, core_rate=5e-3,
        embedding_rate=1e-2, norm_rate=1e-2, progress=False,
    )  # fmt: skip
    scores = score_properties({"tuned": tuned}, data.split("test"))
    assert float(scores["roc_auc"].mean()) > 0.75
    assert scores["known"].values.tolist() == [16, 20]
    assert (scores["roc_auc_low"] <= scores["roc_auc"]).all()
    assert (scores["roc_auc_high"] >= scores["roc_auc"]).all()
    values = predict_properties(tuned, frame)[["oxygen", "nitrogen"]].values
    test = data.split("test")
    score, rows = measure(tuned, test), [test.rows[place] for place in test.places]
    assert score.samples is not None
    assert (score.samples.metric, score.samples.columns) == ("log loss", ("oxygen", "nitrogen"))
    truth = frame["nitrogen"].values[rows]
    right = np.where(truth == 1, values[rows, 1], 1 - values[rows, 1])
    np.testing.assert_allclose(np.array(score.samples.values[1]), -np.log(right), rtol=1e-4)
    assert score.samples.values[0].count(None) == 4
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_property_that_no_graph_of_a_part_has_gets_no_score(task):
    frame = table().assign(rare=[1.0, 0.0, *[np.nan] * 88])
    data = open_graphs(frame, targets=["oxygen", "rare"], split={"test": 20})
    model, test = for_task(tiny(), data.split("train"), task), data.split("test")
    scores = score_properties({"new": model}, test)
    assert scores["known"].values.tolist() == [16, 0]
    for found in scores.values():
        assert found.isnull().values.tolist() == [[False, True]]
    score = measure(model, test)
    assert math.isfinite(score.value)


def test_rows_that_are_not_molecules_are_told_and_counted(caplog):
    tuned = for_task(small(vocabulary(), length=40), open_graphs(table(), targets=["carbons"]), "regression")
    found = humboldt.predict([tuned, tuned], ["CCO", "C1CC", "", "CBr"])
    assert found["carbons"].isna().tolist() == [False, True, True, False]
    assert found["carbons_deviation"].dropna().eq(0).all()
    assert "SMILES that RDKit reads, got 'C1CC'" in found["problem"][1]
    assert "2 of 4 rows are not graphs: row 1" in caplog.text
    assert found["problem"][3] == "Br is read as *"
    long = predict_properties(tuned, ["C" * 30, "CC"])
    assert long["problem"].tolist() == ["of 30 atoms the first 12 are read", ""]
    assert long["carbons"].notna().all()
    assert "1 of 2 graphs are not read in full: row 0: of 30 atoms the first 12 are read" in caplog.text


def test_structures_of_a_file_are_told_by_their_smiles(tmp_path):
    from rdkit import Chem

    path = tmp_path / "new.sdf"
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(smiles)) for smiles in ("OCC", "C[C@H](N)O")]
    path.write_text("$$$$\n".join([blocks[0], "broken\n\n", blocks[1]]))
    tuned = for_task(small(vocabulary(), length=40), open_graphs(table(), targets=["carbons"]), "regression")
    found = predict_properties(tuned, path)
    assert found["graph"].tolist() == ["CCO", "", "C[C@H](N)O"]
    assert found["carbons"].isna().tolist() == [False, True, False]
    assert open_graphs(path, vocabulary=Vocabulary.of([graph_from_smiles("CCO", Chemistry())])).skipped[1].text == (
        "C[C@H](N)O"
    )


def test_atoms_that_no_token_stands_for_cost_their_own_row_alone(caplog):
    """A vocabulary without `*` has nothing to read a bromine as."""
    plain = Vocabulary.of([graph_from_smiles("CCO", Chemistry())], chemistry=Chemistry(), indices=12)
    frame = pd.DataFrame({"smiles": ["CCO", "CC", "CBr", "CO"], "y": [1.0, 2.0, 9.0, 3.0]})
    data = open_graphs(frame, targets=["y"], split={"train": [0], "validation": [1, 2, 3]})
    tuned = for_task(small(plain, length=60), data, "regression")
    starred = for_task(small(vocabulary(), length=40), data, "regression")
    for models in (tuned, [starred, tuned]):
        found = predict_properties(models, ["CBr", "CCO"])
        assert found["y"].isna().tolist() == [True, False]
        assert "node types of own are C, O, got 'Br'; leave the graph out" in found["problem"][0]
    assert np.isnan(embeddings(tuned, ["CBr", "CO"])).any(1).tolist() == [True, False]
    part = arranged(data, tuned)
    assert part.places == (0, 1, 3)
    assert len(part.batch([0, 1, 2])) == 3
    assert "1 of 4 graphs cannot be said by this model and are left out" in caplog.text
    scores = score_properties({"tuned": tuned, "starred": starred}, data)
    assert (scores.attrs["graphs"], scores["known"].item()) == (3, 3)
    assert scores["mae"].notnull().all()
    score = measure(tuned, data)
    assert score.samples is not None
    assert score.samples.samples == ("0", "1", "3")
    assert calibration([tuned], data, 0.5).quantile.shape == (1,)
    with pytest.raises(DataError, match=r"graphs that it can say, got none in the vocabulary own"):
        score_properties({"tuned": tuned}, data.choose([2]))


def test_what_a_model_cannot_say():
    config = small(vocabulary(6), length=14).config
    read = Chemistry()
    assert sayable(graph_from_smiles("CCO", read), config) == graph_from_smiles("CCO", read)
    assert sayable(graph_from_smiles("CBr", read), config).nodes == ("C", "*")
    assert sayable(graph_from_smiles("C#N", read), config).edges == ((0, 1, "SINGLE"),)
    cut = sayable(graph_from_smiles("CCCCCCCCCO", read), config)
    assert len(cut) == 6
    assert config.vocabulary.length(sayable(graph_from_smiles("C1CC2CC12", read), config)) <= 14


def test_what_is_refused():
    model, frame = small(vocabulary(), length=40), table()
    with pytest.raises(DataError, match=r"columns of numbers, got none; open the data with targets"):
        for_task(model, open_graphs(frame), "regression")
    with pytest.raises(ValueError, match=r"a class is 0 or 1, got \d.0 in 'carbons'; use task='regression'"):
        for_task(model, open_graphs(frame, targets=["carbons"]), "classification")
    with pytest.raises(ValueError, match="generation, regression and classification, got 'guess'"):
        for_task(model, open_graphs(frame, targets=["carbons"]), "guess")
    frame["nothing"] = np.nan
    with pytest.raises(DataError, match="got none with 'nothing'"):
        for_task(model, open_graphs(frame, targets=["nothing"]), "regression")
    with pytest.raises(ConfigError, match="got one that generates; tune it with"):
        humboldt.predict(model, ["CC"])
    frame["carbons"] = frame["carbons"].astype(object)
    frame.loc[3, "carbons"] = "many"
    with pytest.raises(DataError, match=r"a number or an empty cell, got 'many' in row 3 of 'carbons'"):
        open_graphs(frame, targets=["carbons"])
    with pytest.raises(ValueError, match=r"learns no properties, got data with targets \['carbons'\]; say task="):
        humboldt.finetune(model, open_graphs(table(), targets=["carbons"]), steps=1)
    tuned = for_task(model, open_graphs(table(), targets=["carbons"]), "regression")
    with pytest.raises(DataError, match=r"this model predicts \['carbons'\], got \['oxygen'\]"):
        humboldt.finetune(tuned, open_graphs(table(), targets=["oxygen"]), steps=1)


def test_a_model_without_properties_has_no_readout():
    with pytest.raises(ConfigError, match="at least one property, got none"):
        Readout(names=(), task="regression")
    assert isinstance(small(vocabulary()).config, GraphConfig)


def test_average_precision_by_hand():
    labels = torch.tensor([1.0, 0.0, 1.0, 0.0, float("nan")])
    assert average_precision(torch.tensor([4.0, 3.0, 2.0, 1.0, 9.0]), labels) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision(torch.zeros(5), labels) == pytest.approx(0.5)
    assert math.isnan(average_precision(torch.zeros(2), torch.zeros(2)))


def test_an_interval_is_that_of_a_mean():
    """Of the mean of 400 normal numbers it is 1.96 / 20 on each side."""
    values = torch.randn(400, generator=torch.Generator().manual_seed(0))
    values = (values - values.mean()) / values.std()
    low, high = interval(lambda v, t: float(v.mean()), values, values, resamples=2000)
    assert low == pytest.approx(-0.098, abs=0.01)
    assert high == pytest.approx(0.098, abs=0.01)
