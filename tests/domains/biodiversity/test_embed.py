"""Tokens: which variables and places they know, and the faults that the published behaviour keeps."""

import pytest
import torch

from humboldt.domains.biodiversity import build
from tests.domains.biodiversity.small_bioanalyst import months, small


def tokens_before_reading(model, batch):
    """What the Perceiver is given."""
    found = []
    hook = model.embed.norm.register_forward_hook(lambda part, given, result: found.append(result))
    model.embed(batch)
    hook.remove()
    return found[0].unflatten(1, model.config.tokens)


def changed_groups(behaviour, variable):
    """Token groups that change with one channel."""
    config = small(behaviour=behaviour)
    model, batch = build(config).eval(), months(config)
    channel = config.slices()[variable].start
    fields = batch.fields.clone()
    fields[:, channel] += 1
    other = type(batch)(**{**vars(batch), "fields": fields})
    difference = tokens_before_reading(model, batch) - tokens_before_reading(model, other)
    return difference.abs().amax((0, 2, 3, 4)).nonzero().flatten().tolist()


def test_red_list_tokens_know_the_red_list_and_in_published_models_the_forest():
    assert changed_groups("corrected", "redlist") == [10]
    assert changed_groups("corrected", "forest") == [9]
    assert changed_groups("published", "redlist") == []
    assert changed_groups("published", "forest") == [9, 10]


def test_levels_have_tokens_of_their_own():
    assert changed_groups("corrected", "atmospheric") == [2]


def test_a_token_is_told_the_place_of_its_patch_and_in_published_models_of_another():
    for behaviour, is_same in (("corrected", True), ("published", False)):
        model = build(small(behaviour=behaviour)).eval()
        place = model.embed._places(months(model.config)).expand(*model.config.tokens, -1)
        assert torch.equal(place[0], place[5]) is is_same


def test_samples_are_told_their_own_month_and_in_published_models_the_first():
    for behaviour, is_same in (("corrected", False), ("published", True)):
        model = build(small(behaviour=behaviour)).eval()
        told = model.embed.clock(torch.ones(2), torch.tensor([1, 7]))
        assert torch.equal(told[0], told[1]) is is_same


def test_patches_without_any_value_are_not_read():
    config = small()
    model, batch = build(config).eval(), months(config)
    fields = batch.fields.clone()
    fields[:, config.slices()["vegetation"]] = torch.nan
    missing = type(batch)(**{**vars(batch), "fields": fields})
    before = model.embed(missing).x
    with torch.no_grad():
        model.embed.groups["vegetation"].weight.add_(1)
        model.embed.groups["vegetation"].bias.add_(torch.randn(8))
    assert torch.equal(model.embed(missing).x, before)
    assert not torch.equal(model.embed(batch).x, before)


def test_another_grid_is_refused():
    model, batch = build(small()), months(small())
    with pytest.raises(ValueError, match=r"\(16, 2, 12, 16\), got \(15, 2, 12, 16\); select variables"):
        model.embed(type(batch)(**{**vars(batch), "fields": batch.fields[:, 1:], "target": None}))
