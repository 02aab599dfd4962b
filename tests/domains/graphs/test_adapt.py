"""Data and model together, and the whole way: learn, be told a goal, draw."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.graphs import (
    PUBLISHED,
    Drawing,
    GraphConfig,
    arranged,
    build,
    decode,
    decoder_core,
    goals_of,
    open_graphs,
    sample_sequences,
    write_store,
)
from humboldt.finetune import Recipe, fit
from tests.domains.graphs.small import MOLECULES, small


def test_data_are_written_in_the_words_of_the_model():
    model = small(open_graphs(list(MOLECULES)).vocabulary, length=30)
    data = open_graphs(["CCO", "CCBr", "CC#N", "C" * 12])
    found: Any = arranged(data, model)
    assert found.places == (0, 2)
    assert found.vocabulary == model.config.vocabulary
    with pytest.raises(DataError, match="got none in the vocabulary own of at most 30 tokens"):
        arranged(open_graphs(["BrBr"]), model)


def test_molecules_that_were_read_in_another_way(tmp_path):
    data = open_graphs(["CCO"])
    with pytest.raises(DataError, match=r"open the data with vocabulary=model.config.vocabulary"):
        arranged(data, small(PUBLISHED["moses"]))
    path = write_store(tmp_path / "s.zarr", data.graphs, data.vocabulary)
    with pytest.raises(DataError, match=r"got 'own' for a model of 'moses'; write the store with"):
        arranged(open_graphs(path), small(PUBLISHED["moses"]))


def test_goals_have_the_statistics_of_the_data():
    table = pd.DataFrame({"smiles": ["CC", "CO", "CN"], "y": [1.0, 3.0, np.nan]})
    data = open_graphs(table, goals=["y"])
    (goal,) = goals_of(data)
    assert (goal.name, goal.mean, goal.deviation) == ("y", 2.0, 1.0)
    with pytest.raises(DataError, match=r"told the goals \[\], got data with \['y'\]"):
        arranged(data, small(data.vocabulary))


def test_goals_are_hidden_in_training_only():
    table = pd.DataFrame({"smiles": ["CC"] * 400, "y": np.arange(400.0)})
    data = open_graphs(table, goals=["y"])
    model = small(data.vocabulary, goals=goals_of(data))
    told = data.batch(range(400)).goals
    assert model.embed.condition(told, 400)[:, 1].mean() == 1
    share = model.train().embed.condition(told, 400)[:, 1].mean().item()
    assert 0.8 < share < 0.97


@pytest.mark.integration
def test_a_model_learns_to_reach_a_goal():
    """Trees of 3 to 8 nodes; the goal is the number of nodes."""
    random = np.random.default_rng(0)
    sizes = random.integers(3, 9, 300)
    graphs = [(int(n), [(i, int(random.integers(i))) for i in range(1, n)]) for n in sizes]
    data = open_graphs(graphs)
    data = dataclasses.replace(data, values=sizes[:, None].astype(np.float32), names=("nodes",), goals=("nodes",))
    config = GraphConfig(
        vocabulary=data.vocabulary,
        core=decoder_core(layers=2, heads=2, width=32, condition=2),
        length=int(data.lengths.max()),
        rows=len(data.vocabulary),
        ordering=data.ordering,
        goals=goals_of(data),
    )
    torch.manual_seed(0)
    rates = {"core_rate": 3e-3, "embedding_rate": 3e-3, "norm_rate": 3e-3}
    recipe, started = Recipe(steps=150, batch_size=32, **rates), build(config)
    model = fit(started, arranged(data, started), None, recipe, progress=False)
    means = []
    for nodes in (3.0, 8.0):
        (found,) = sample_sequences(model, 40, Drawing(guidance=1.5), goals={"nodes": nodes})
        means.append(np.mean([len(decode(s.ids, config.vocabulary)) for s in found]))
    assert means[0] < 4.5
    assert means[1] > 6.5


@pytest.mark.integration
def test_the_verbs_train_a_model_of_molecules(tmp_path):
    data = open_graphs(list(MOLECULES) * 4)
    core = decoder_core(layers=1, heads=2, width=16)
    config = GraphConfig(vocabulary=data.vocabulary, core=core, length=60, rows=len(data.vocabulary))
    first = humboldt.pretrain(config, [data], domain="graphs", steps=20, batch_size=8, core_rate=3e-3, progress=False)
    tuned = humboldt.finetune(first, data, steps=30, batch_size=8, core_rate=3e-3, embedding_rate=3e-3, progress=False)
    batch = data.batch(range(40))
    with torch.no_grad():
        assert tuned.loss(batch) < first.loss(batch) - 0.1
    assert humboldt.from_pretrained(tuned.save(tmp_path)).config == config
