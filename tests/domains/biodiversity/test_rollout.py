"""Months ahead, with a correction a step."""

import pytest
import torch

from humboldt.domains.biodiversity import AdapterConfig, build, push_forward_loss, rolled, rollout
from humboldt.finetune.features import FeaturedBatch
from tests.domains.biodiversity.small_bioanalyst import months, small


def awakened(**choices):
    """A model with adapters in which every part matters."""
    model = build(small(adapter=AdapterConfig(rank=2, **choices))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_each_step_has_its_correction_and_later_ones_none():
    model, batch = awakened(kind="lora", steps=2), months(small())
    first, *_, last = (p.fields for p in rollout(model, batch, 3))
    corrections = [part for name, part in model.named_modules() if name.endswith("corrections.1")]
    with torch.no_grad():
        for part in corrections:
            part.b.zero_()
    again = [p.fields for p in rollout(model, batch, 3)]
    assert torch.equal(again[0], first)
    assert not torch.equal(again[2], last)
    before = model(type(batch)(**{**vars(batch), "step": 2})).fields
    for parameter in corrections:
        torch.nn.init.ones_(parameter.a)
    assert torch.equal(model(type(batch)(**{**vars(batch), "step": 2})).fields, before)


def test_a_shared_correction_is_one_for_all_steps():
    model = awakened(kind="lora", steps=3, shared=True)
    assert not [name for name, _ in model.named_modules() if name.endswith("corrections.1")]


def test_fixed_matrices_travel_with_the_checkpoint():
    model, batch = awakened(kind="vera", steps=1), months(small())
    twin = build(model.config).eval()
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin(batch).fields, model(batch).fields)
    trained = {name for name, p in model.named_parameters() if "corrections" in name}
    assert all(name.endswith(("lambda_b", "lambda_d")) for name in trained)


def test_training_goes_to_every_month_and_scoring_to_the_last():
    model, later = awakened(kind="lora", steps=3), torch.rand(2, 16, 2, 12, 16)
    batch = months(small(), later=later)
    assert rolled(model, batch).step == 2
    assert torch.equal(rolled(model, batch).target, later[:, :, 1])
    predicted = [p.fields for p in rollout(model, batch, 2)]
    assert torch.equal(rolled(model, batch).fields, torch.stack(predicted, 2))
    model.train()
    drawn = [rolled(model, batch) for _ in range(20)]
    assert {b.step for b in drawn} == {0, 1, 2}
    targets = (batch.target, *later.unbind(2))
    assert all(torch.equal(b.target, targets[b.step]) for b in drawn)
    assert rolled(model, months(small())).step == 0


def test_the_loss_of_several_months_is_that_of_a_pushed_rollout():
    model, later = awakened(kind="lora", steps=2), torch.rand(2, 16, 1, 12, 16)
    batch = months(small(), later=later)
    assert batch.target is not None
    loss = model.loss(batch)
    assert torch.equal(loss, push_forward_loss(model, batch, [batch.target, later[:, :, 0]]))
    loss.backward()
    used = {name: p.grad is not None for name, p in model.named_parameters() if "corrections" in name}
    assert all(used[name] is ("corrections.1" in name) for name in used)


def test_notes_beside_the_months_are_kept_on_the_way():
    model, signal = awakened(kind="lora", steps=2), torch.ones(2, 3)
    noted = FeaturedBatch(months(small(), later=torch.rand(2, 16, 1, 12, 16)), signal=signal)
    found = rolled(model, noted)
    assert torch.equal(found.signal, signal)
    assert found.batch.step == 1


def test_gradients_stop_before_the_last_month():
    model, batch = awakened(kind="lora", steps=2), months(small())
    target = torch.rand(2, 16, 12, 16)
    push_forward_loss(model, batch, [target, target]).backward()
    used = {name: p.grad is not None for name, p in model.named_parameters() if "corrections" in name}
    assert all(used[name] is ("corrections.1" in name) for name in used)
    with pytest.raises(ValueError, match="at least one target month"):
        push_forward_loss(model, batch, [])
    with pytest.raises(ValueError, match="at least one step, got 0"):
        next(rollout(model, batch, 0))
