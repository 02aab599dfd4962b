"""The model as a function of tensors is the model."""

import pytest
import torch

from humboldt.domains.graphs import PUBLISHED, Goal, Graphs, PropertyHead, SequenceBatch
from tests.domains.graphs.small import small

QM9 = PUBLISHED["qm9"]


def test_it_computes_what_comes_next_also_under_goals_that_are_not_given():
    model = small(QM9, goals=(Goal(name="logp", mean=2.0, deviation=0.5), Goal(name="qed")))
    program = Graphs().program(model)(model, length=9, samples=3)
    ids, goals = program.example(0)
    assert program.inputs == ("ids", "goals")
    assert goals.isnan().any()
    assert torch.equal(program(ids, goals), model(SequenceBatch(ids, torch.ones_like(ids).bool(), goals)).logits)


def test_properties_are_read_from_the_last_real_token():
    model = small(QM9).with_head(PropertyHead(16, 2)).eval()
    program = Graphs().program(model)(model, length=9)
    ids, real = program.example(3)
    assert (program.inputs, program.outputs) == (("ids", "real"), ("values",))
    assert not real.all()
    assert torch.equal(program(ids, real), model(SequenceBatch(ids, real)).values)


def test_a_sequence_is_no_longer_than_the_model():
    model = small(QM9, length=20)
    with pytest.raises(ValueError, match="has positions for 20 tokens, got length=64"):
        Graphs().program(model)(model)
