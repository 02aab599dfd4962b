"""Drawing: the cache says what the whole sequence says, every distribution is the one that was asked for."""

import csv
import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import humboldt
from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.graphs import (
    PUBLISHED,
    Drawing,
    Goal,
    NextTokens,
    SequenceBatch,
    decode,
    decode_molecule,
    for_task,
    open_graphs,
    plain_vocabulary,
    sample_sequences,
    stream,
    token_losses,
)
from humboldt.domains.graphs.drawing import shape
from humboldt.domains.graphs.metrics import negative_log_likelihood
from humboldt.domains.graphs.sample import Decoder, draw_batch
from humboldt.domains.graphs.vocabulary import BOC
from humboldt.foundations import ConfigError
from tests.domains.graphs.small import MOLECULES, small

QM9 = PUBLISHED["qm9"]


def drawn(model: Any, count: int, drawing: Drawing | None = None, **choices: Any) -> list[Any]:
    return [sampled for batch in sample_sequences(model, count, drawing, **choices) for sampled in batch]


@pytest.mark.parametrize("goals", [(), (Goal(name="qed"),)])
def test_cached_and_whole_logits_agree(goals):
    model = small(QM9, goals=goals).double()
    ids = torch.randint(27, (3, 12))
    told = torch.tensor([[0.7]]).double() if goals else None
    given = None if told is None else told.expand(3, -1)
    whole = model(SequenceBatch(ids, torch.ones_like(ids, dtype=torch.bool), given)).logits
    decoder = Decoder(model, 3, Drawing(), told)
    torch.testing.assert_close(decoder.read(ids[:, :4]), whole[:, 3], rtol=1e-10, atol=1e-10)
    for place in range(4, 12):
        torch.testing.assert_close(decoder.read(ids[:, place : place + 1]), whole[:, place], rtol=1e-10, atol=1e-10)


def test_cached_and_whole_logits_agree_in_single_precision():
    model, ids = small(QM9), torch.randint(27, (3, 12))
    whole, decoder = (
        model(SequenceBatch(ids, torch.ones_like(ids, dtype=torch.bool))).logits,
        Decoder(model, 3, Drawing(), None),
    )
    for place in range(12):
        torch.testing.assert_close(decoder.read(ids[:, place : place + 1]), whole[:, place], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("vocabulary", [QM9, PUBLISHED["moses"], plain_vocabulary("p", 9, False)])
def test_constrained_drawing_from_a_random_model_gives_graphs_only(vocabulary):
    model = small(vocabulary, length=50)
    found = drawn(model, 60, batch_size=40)
    assert len(found) == 60
    for sampled in found:
        decode(sampled.ids, vocabulary)
    loose = drawn(model, 20, Drawing(constrained=False))
    assert any(_fails(sampled.ids, vocabulary) for sampled in loose)
    assert max(max(sampled.ids) for sampled in loose) < len(vocabulary)


def _fails(ids: Any, vocabulary: Any) -> bool:
    try:
        decode(ids, vocabulary)
    except ValueError:
        return True
    return False


def test_with_valences_every_molecule_is_valid():
    vocabulary = open_graphs(list(MOLECULES)).vocabulary
    found = drawn(small(vocabulary, length=80), 60, Drawing(valences=True))
    assert {decode_molecule(sampled.ids, vocabulary).status for sampled in found} == {"ok"}


def test_log_likelihoods_are_those_of_the_loss():
    model = small(QM9)
    found = drawn(model, 12, Drawing(temperature=0.7, top_k=9), batch_size=5, places=3)
    batch = SequenceBatch.of([sampled.ids for sampled in found], QM9.pad)
    with torch.no_grad():
        expected = -negative_log_likelihood(model(batch), batch)
    assert [sampled.log_likelihood for sampled in found] == pytest.approx(expected.tolist(), rel=1e-4)
    assert all(sampled.log_probability >= sampled.log_likelihood for sampled in drawn(model, 12))


@pytest.mark.parametrize("guidance", [1.0, 1.5])
def test_places_are_refilled_with_sequences_that_are_told_their_own_goals(guidance):
    """25 sequences through four places: all are there, and each is as probable as the model alone says."""
    model = small(QM9, length=50, goals=(Goal(name="qed"),))
    told = torch.linspace(-2, 2, 25)[:, None]
    chance = torch.Generator().manual_seed(1)
    found = draw_batch(model, 25, Drawing(guidance=guidance), told, (BOC,), chance, 4)
    assert len({len(one.ids) for one in found}) > 2
    for one in found:
        decode(one.ids, QM9)
    batch = SequenceBatch.of([one.ids for one in found], QM9.pad, told)
    with torch.no_grad():
        logits, free = (model(dataclasses.replace(batch, goals=g)).logits for g in (told, None))
        expected = token_losses(NextTokens(guidance * logits + (1 - guidance) * free), batch).sum(1)
    assert [-one.log_likelihood for one in found] == pytest.approx(expected.tolist(), rel=1e-4)


def test_a_prompt_is_said_in_every_place():
    prompt = QM9.read("<boc> ATOM_C IDX_0 <sepc> ATOM_O IDX_1 <eoc>")
    model = small(QM9, length=50)
    found = drawn(model, 9, prompt=prompt, places=2)
    assert {decode(one.ids, QM9).nodes for one in found} == {("C", "O")}
    batch = SequenceBatch.of([one.ids for one in found], QM9.pad)
    with torch.no_grad():
        losses = token_losses(model(batch), batch)[:, len(prompt) - 1 :].sum(1)
    assert [-one.log_likelihood for one in found] == pytest.approx(losses.tolist(), rel=1e-4)


@pytest.mark.parametrize("places", [4000, 500])
def test_frequencies_are_probabilities(places):
    """The first token after <boc>, drawn many times."""
    model = small(QM9)
    found = drawn(model, 4000, batch_size=4000, places=places)
    logits = model(SequenceBatch(torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.bool))).logits[0, 0]
    expected = logits[16:20].softmax(-1)
    counts = torch.bincount(torch.tensor([sampled.ids[1] for sampled in found]), minlength=20)[16:20]
    torch.testing.assert_close(counts / 4000, expected, atol=0.03, rtol=0)


def test_shapes_of_distributions():
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()
    every = torch.ones(1, 4, dtype=torch.bool)
    assert shape(logits, Drawing(top_k=2), every).softmax(-1).tolist()[0] == pytest.approx([0, 4 / 7, 0, 3 / 7])
    assert shape(logits, Drawing(top_p=0.5), every).softmax(-1).tolist()[0] == pytest.approx([0, 4 / 7, 0, 3 / 7])
    assert shape(logits, Drawing(top_p=0.4), every).softmax(-1).tolist()[0] == pytest.approx([0, 1, 0, 0])
    squared = [p * p / 0.3 for p in (0.1, 0.4, 0.2, 0.3)]
    assert shape(logits, Drawing(temperature=0.5), every).softmax(-1).tolist()[0] == pytest.approx(squared)
    assert shape(logits, Drawing(), torch.tensor([[True, False, False]]))[0].isfinite().tolist() == [True, False, False]


def test_the_seed_decides_and_batches_may_be_left_out():
    model = small(QM9)
    first = drawn(model, 10, Drawing(seed=3), batch_size=4)
    assert first == drawn(model, 10, Drawing(seed=3), batch_size=4)
    assert first != drawn(model, 10, Drawing(seed=4), batch_size=4)
    assert first[8:] == drawn(model, 10, Drawing(seed=3), batch_size=4, start=2)


def test_guidance_and_goals():
    model = small(QM9, goals=(Goal(name="qed"),))
    logits = {}
    for weight, goals in ((1.0, None), (1.0, 2.0), (0.0, 2.0), (3.0, 2.0)):
        told = None if goals is None else torch.tensor([[goals]])
        logits[weight, goals] = Decoder(model, 1, Drawing(guidance=weight), told).read(
            torch.zeros(1, 1, dtype=torch.long)
        )
    torch.testing.assert_close(logits[0.0, 2.0], logits[1.0, None])
    expected = logits[1.0, None] + 3 * (logits[1.0, 2.0] - logits[1.0, None])
    torch.testing.assert_close(logits[3.0, 2.0], expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ConfigError, match=r"told the goals \['qed'\], got 'logp'"):
        drawn(model, 1, goals={"logp": 1.0})


def test_a_model_of_properties_draws_nothing(tmp_path):
    data = open_graphs(list(MOLECULES), values={"y": [1.0] * len(MOLECULES)}, targets="y")
    model = for_task(small(data.vocabulary), data, "regression")
    said = r"a model that says what comes next, got one that predicts \['y'\]; take the model that it was tuned from"
    with pytest.raises(ConfigError, match=said):
        humboldt.sample(model, 4)
    with pytest.raises(ConfigError, match=said):
        humboldt.sample(model, 4, output=tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


def test_several_goals_are_guided_together():
    """logits = (1 - w) untold + w told, with all of the goals, or one of them, told."""
    model, start = (
        small(QM9, goals=(Goal(name="qed"), Goal(name="logp", mean=2.0))),
        torch.zeros(1, 1, dtype=torch.long),
    )

    def logits(guidance: float, *goals: float) -> torch.Tensor:
        return Decoder(model, 1, Drawing(guidance=guidance), torch.tensor([goals])).read(start)

    untold = Decoder(model, 1, Drawing(), None).read(start)
    for goals in ((2.0, 1.0), (2.0, math.nan), (math.nan, 1.0)):
        expected = untold + 3 * (logits(1.0, *goals) - untold)
        torch.testing.assert_close(logits(3.0, *goals), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits(1.0, 2.0, 1.0), logits(1.0, 2.0, math.nan))
    told, qed = ([one.ids for one in drawn(model, 6, goals=g)] for g in ({"logp": 9.0, "qed": 0.9}, {"qed": 0.9}))
    assert told != qed


def test_the_most_probable_sequence_and_a_prompt():
    model = small(QM9)
    prompt = QM9.read("<boc> ATOM_C IDX_0 <sepc> ATOM_O IDX_1 <eoc>")
    first, second = drawn(model, 2, Drawing(temperature=0.0), prompt=prompt)
    assert first.ids == second.ids
    assert decode(first.ids, QM9).nodes == ("C", "O")
    with pytest.raises(ConfigError, match="a prompt is the beginning of a graph"):
        drawn(model, 1, prompt=[0, 0])


def test_settings_that_make_no_sense():
    for choices, message in (
        ({"temperature": -1.0}, "not negative"),
        ({"top_k": 0}, "at least 1"),
        ({"top_p": 0.0}, r"in \(0, 1\]"),
        ({"valences": True, "constrained": False}, "set it to True"),
    ):
        with pytest.raises(ConfigError, match=message):
            Drawing(**choices)


def test_an_interrupted_file_goes_on_to_the_same_end(tmp_path):
    model = small(open_graphs(list(MOLECULES)).vocabulary)
    whole = stream(model, 20, tmp_path / "whole.csv", batch_size=6)
    assert (whole.samples, whole.decodable) == (20, 20)
    lines = (tmp_path / "whole.csv").read_text().splitlines(keepends=True)
    part = tmp_path / "part.csv"
    part.write_text("".join(lines[:9]) + lines[9][:7])
    (tmp_path / "part.csv.json").write_text((tmp_path / "whole.csv.json").read_text())
    assert stream(model, 20, part, batch_size=6) == whole
    assert part.read_text() == (tmp_path / "whole.csv").read_text()
    with pytest.raises(DataError, match=r"made with temperature=1.0; choose another file, or overwrite"):
        stream(model, 20, part, Drawing(temperature=0.5), batch_size=6)
    assert stream(model, 4, part, Drawing(temperature=0.5), overwrite=True).samples == 4


@pytest.mark.integration
def test_the_command_and_the_verb(tmp_path, capsys):
    vocabulary = open_graphs(list(MOLECULES)).vocabulary
    folder = small(vocabulary, length=80).save(tmp_path / "model")
    output = tmp_path / "s.csv"
    assert main(["sample", str(folder), "-n", "12", "--output", str(output), "--valences", "--batch-size", "8"]) == 0
    said = capsys.readouterr().out
    assert "12 samples in" in said
    assert "valid of all         100.00 %" in said
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"ok"}
    assert all(math.isfinite(float(row["log_likelihood"])) for row in rows)
    assert len(humboldt.sample(folder, 3, seed=1)) == 3


def test_plain_graphs_are_written_as_json(tmp_path):
    import json

    stream(small(plain_vocabulary("p", 5)), 3, tmp_path / "g.csv")
    with Path(tmp_path / "g.csv").open() as file:
        found = [json.loads(row["graph"]) for row in csv.DictReader(file)]
    assert all(set(graph) == {"nodes", "edges"} for graph in found)


@pytest.mark.integration
def test_nothing_is_drawn_from_a_forecaster():
    with pytest.raises(ConfigError, match="samples are drawn from models of graphs, got one of pde"):
        humboldt.sample("humboldt/pde-nano", 1)
