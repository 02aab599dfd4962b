"""Losses and embeddings, and the contract of the house."""

import copy
import dataclasses
import math

import pytest
import torch

import humboldt
from humboldt.domains.graphs import (
    PUBLISHED,
    Goal,
    Graphs,
    PropertyHead,
    Readout,
    SequenceBatch,
    build,
    decoder_core,
    for_task,
    open_graphs,
    roc_auc,
    token_losses,
)
from humboldt.domains.graphs.config import GraphConfig
from humboldt.domains.graphs.embeddings import states
from humboldt.domains.graphs.metrics import negative_log_likelihood
from humboldt.foundations import ConfigError
from humboldt.foundations.testing import check_causal, check_model_contract
from tests.domains.graphs.small import small

QM9 = PUBLISHED["qm9"]
SEQUENCES = ([0, 16, 6, 1, 3, 4], [0, 16, 6, 2, 17, 7, 1, 3, 6, 7, 20, 4], [0, 18, 6, 1, 3, 4])


def batch(**more: torch.Tensor) -> SequenceBatch:
    return SequenceBatch.of(SEQUENCES, QM9.pad, **more)


def take(whole: SequenceBatch, part: slice) -> SequenceBatch:
    return SequenceBatch(whole.ids[part], whole.real[part])


def test_a_model_keeps_the_contract():
    model = small(QM9)
    check_model_contract(model, batch(), take=take, rebuild=build)
    check_causal(model.core, model.embed(batch()), tolerance=1e-5)


def test_the_loss_is_the_mean_over_real_tokens():
    model, whole = small(QM9), batch()
    losses = []
    for sequence in SEQUENCES:
        alone = SequenceBatch.of([sequence], QM9.pad)
        logits = model(alone).logits[0].log_softmax(-1)
        losses += [-logits[i, token].item() for i, token in enumerate(sequence[1:])]
    assert model.loss(whole).item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    summed = negative_log_likelihood(model(whole), whole)
    assert summed[0].item() == pytest.approx(sum(losses[:5]), rel=1e-5)
    assert token_losses(model(whole), whole)[0, 5:].abs().sum() == 0


def test_goals_reach_the_model_and_may_be_unknown():
    goals = (Goal(name="logp", mean=2.0, deviation=0.5), Goal(name="qed"))
    model = small(QM9, goals=goals)
    told = model.embed.condition(torch.tensor([[3.0, float("nan")]]), 1)
    assert told.tolist() == [[2.0, 0.0, 1.0, 0.0]]
    assert model.embed.condition(None, 2).tolist() == [[0.0] * 4] * 2
    high, low = (model(batch(goals=torch.full((3, 2), v))).logits for v in (3.0, -3.0))
    assert not torch.allclose(high, low)
    with pytest.raises(ValueError, match=r"told the goals \['logp', 'qed'\], got 1 columns"):
        model(batch(goals=torch.zeros(3, 1)))


def test_properties_are_read_from_the_last_token_and_unknown_targets_do_not_count():
    model = small(QM9)
    model = model.with_head(PropertyHead(16, 2, dropout=0.0)).eval()
    target = torch.tensor([[1.0, float("nan")], [2.0, 0.0], [float("nan"), float("nan")]])
    whole = batch(target=target)
    values = model(whole).values
    alone = model(SequenceBatch.of([SEQUENCES[0]], QM9.pad)).values
    torch.testing.assert_close(values[:1], alone, rtol=1e-4, atol=1e-5)
    expected = ((values[0, 0] - 1) ** 2 + (values[1, 0] - 2) ** 2 + values[1, 1] ** 2) / 3
    torch.testing.assert_close(model.loss(whole), expected)
    model.loss(whole).backward()
    assert model.head.out.weight.grad.isfinite().all()
    with pytest.raises(ValueError, match=r"a loss needs a target.*targets="):
        model.loss(batch())


def test_the_mean_token_does_not_see_what_is_filled_up():
    model = small(QM9)
    head = PropertyHead(16, 2, dropout=0.0, pooling="mean").eval()
    model = model.with_head(head).eval()
    expected = head.normaliser.invert(head.out(model.encode(SequenceBatch.of([SEQUENCES[0]], QM9.pad)).x.mean(1)))
    torch.testing.assert_close(model(batch()).values[:1], expected, rtol=1e-4, atol=1e-5)


def test_the_mean_tokens_of_all_layers_also_in_a_copy(tmp_path):
    config = dataclasses.replace(small(QM9).config, readout=Readout(names=("y",), task="regression", pooling="layers"))
    model, whole = build(config).eval(), batch(target=torch.ones(3, 1))
    assert model.head.out.weight.shape == (1, 3 * 16)
    real = whole.real[..., None]
    *inner, last = states(model, whole)
    normed = [*((x - x.mean(-1, True)) / (x.var(-1, False, True) + 1e-5).sqrt() for x in inner), last]
    means = torch.cat([(x * real).sum(1) / real.sum(1) for x in normed], dim=1)
    expected = model.head.normaliser.invert(model.head.out(means))
    torch.testing.assert_close(model(whole).values, expected)
    model.loss(whole)  # leaves tensors of a graph behind, which cannot be copied
    copied = copy.deepcopy(model)
    with torch.no_grad():
        model.embed.token.weight.neg_()
    torch.testing.assert_close(copied(whole).values, expected)
    assert not torch.allclose(model(whole).values, expected)
    copied.loss(whole).backward()
    assert all(parameter.grad is not None for parameter in copied.core.parameters())
    torch.testing.assert_close(humboldt.from_pretrained(copied.save(tmp_path))(whole).values, expected)
    recomputed = copy.deepcopy(copied).train()
    recomputed.core.checkpointing, recomputed.head.dropout.p = True, 0.0
    torch.testing.assert_close(recomputed(whole).values, expected)
    recomputed.loss(whole).backward()
    torch.testing.assert_close(recomputed(whole).values, expected)


def test_no_layer_of_the_pretrained_model_is_louder_than_the_others():
    """A head that takes equal steps on all features must not be moved by one layer alone."""
    data = open_graphs(["CCO", "c1ccccc1O", "CC(=O)N"], values={"y": [1.0, 2.0, 3.0]}, targets="y")
    model = for_task(humboldt.from_pretrained("humboldt/molecules-nano"), data, "regression")
    with torch.no_grad():
        tokens = model.encode(data.batch([0, 1, 2]))
        loud = model.head.pooled(tokens.x, data.batch([0, 1, 2])).unflatten(1, (7, 128)).square().mean((0, 2)).sqrt()
    assert loud.max() < 3 * loud.min()
    assert 0.3 < loud.min() < loud.max() < 1.5


def test_a_head_of_all_layers_has_to_hear_them():
    model = small(QM9)
    deaf = model.with_head(PropertyHead(16, 1, pooling="layers", layers=2)).eval()
    with pytest.raises(
        ValueError, match=r"hears the 2 of its model, got 0; give it that model with head.hear\(model\)"
    ):
        deaf(batch())
    deaf.head.hear(deaf)
    tokens = deaf.encode(batch())
    assert deaf.head(tokens, batch()).values.shape == (3, 1)
    with pytest.raises(ValueError, match="hears the 2 of its model, got 0"):  # it has forgotten that forward pass
        deaf.head(tokens, batch())
    made = Graphs().head("regression", model, count=2, pooling="layers")
    assert model.with_head(made).eval()(batch()).values.shape == (3, 2)


def test_classes_have_probabilities():
    head = PropertyHead(16, 1, task="classification", dropout=0.0)
    model = small(QM9).with_head(head).eval()
    whole = batch(target=torch.tensor([[1.0], [0.0], [float("nan")]]))
    p = model(whole).values
    expected = -(p[0].log() + (1 - p[1]).log()) / 2
    torch.testing.assert_close(model.loss(whole), expected.squeeze())


def test_area_under_the_curve_by_hand():
    nan = float("nan")
    assert roc_auc(torch.tensor([0.9, 0.2, 0.5, 0.5, 7.0]), torch.tensor([1.0, 0.0, 1.0, 0.0, nan])) == pytest.approx(
        3.5 / 4
    )
    assert math.isnan(roc_auc(torch.tensor([0.1]), torch.tensor([1.0])))


def test_too_long_a_sequence_and_unfit_configurations():
    with pytest.raises(ValueError, match="positions for 5 tokens, got a sequence of 12"):
        small(QM9, length=5)(batch())
    core = decoder_core(layers=1, heads=1, width=4)
    with pytest.raises(ConfigError, match="a row per token, got rows=3 for 27 tokens"):
        GraphConfig(vocabulary=QM9, core=core, length=9, rows=3)
    with pytest.raises(ConfigError, match="got condition=0 for 1 goals; set it to 2"):
        GraphConfig(vocabulary=QM9, core=core, length=9, rows=30, goals=(Goal(name="qed"),))
