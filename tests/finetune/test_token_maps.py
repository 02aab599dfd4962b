"""Properties of prompts, tapes, codes and budgets."""

import copy
from itertools import pairwise

import pytest
import torch

from humboldt.finetune import method
from humboldt.finetune.adapted import hooks
from humboldt.finetune.methods.token_budget import chosen
from humboldt.finetune.testing import prepare, train
from humboldt.foundations import Cache, ConfigError, Context, Memory, Tokens
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves, tiny_model


def attention(field="pde"):
    return science(field)[0].core.scales[0].down[0].attention


def opened(made):
    with torch.no_grad():
        made.gate.add_(0.7)
    return made


def test_a_memory_is_attention_to_its_keys_alone_and_what_joint_attention_mixes_in():
    q, keys, values = torch.randn(2, 3, 4, 2, 5), torch.randn(1, 6, 10), torch.randn(1, 6, 10)
    scale = torch.tensor([0.3, 0.5])
    found = Memory(keys, values, torch.tensor([1.0, 2.0])).read(q, scale, cosine=False)
    k, v = (x[0].view(6, 2, 5) for x in (keys, values))
    scores = torch.einsum("bmnhe,the->bmnht", q, k) * scale[:, None]
    expected = torch.einsum("bmnht,the->bmnhe", scores.softmax(-1), v)
    torch.testing.assert_close(found, expected * torch.tensor([1.0, 2.0])[:, None])
    window = torch.randn(2, 3, 4, 2, 7)  # scores of a window, with values of its own
    own = torch.randn(2, 3, 2, 7, 5)
    alone = torch.einsum("bmnht,bmhte->bmnhe", window.softmax(-1), own)
    joint = torch.cat([window, scores], -1).softmax(-1)
    share = joint[..., 7:].sum(-1, keepdim=True)
    both = torch.einsum("bmnht,bmhte->bmnhe", joint[..., :7], own) + torch.einsum("bmnht,the->bmnhe", joint[..., 7:], v)
    torch.testing.assert_close(both, share * expected + (1 - share) * alone)


def test_a_sample_that_has_nothing_to_read_reads_zero():
    present = torch.tensor([[True, False], [False, False]])
    memory = Memory(torch.randn(2, 2, 8), torch.randn(2, 2, 8), torch.ones(2), present)
    found = memory.read(torch.randn(2, 1, 3, 2, 4), torch.ones(2), cosine=True)
    first = memory.values[0, 0].view(2, 4).expand(1, 3, 2, 4)
    torch.testing.assert_close(found[0], first)
    assert not found[1].any()


@pytest.mark.parametrize("name", ["prompts", "prefix"])
def test_prompts_reach_every_window_and_the_order_of_them_means_nothing(name):
    layer, x = attention(), torch.randn(1, 8, 8, 8)
    made = opened(method(name, length=3).hook(layer))  # type: ignore[attr-defined]
    memory = made.memory(x, Context())
    changed = (layer(x, memory=(memory,)) - layer(x)).abs().sum(-1)
    assert bool((changed > 0).all())
    turned = Memory(memory.keys.flip(1), memory.values.flip(1), memory.gate)
    torch.testing.assert_close(layer(x, memory=(turned,)), layer(x, memory=(memory,)), rtol=1e-4, atol=1e-5)


def test_a_prompt_is_read_with_the_layers_own_keys_and_values():
    layer = attention()
    made = method("prompts", length=3).hook(layer)  # type: ignore[attr-defined]
    memory = made.memory(torch.zeros(1, 4, 4, 8), Context())
    _, keys, values = layer.qkv(made.tokens[None]).chunk(3, -1)
    assert torch.equal(memory.keys, keys)
    assert torch.equal(memory.values, values)


def tape(**options):
    return method("tape", bank=5, most=4, **options).hook(attention())  # type: ignore[attr-defined]


def test_a_tape_reads_no_token_twice_and_as_many_as_a_sample_needs():
    made = tape(threshold=0.9)
    with torch.no_grad():
        made.bank.copy_(8 * torch.eye(5, 8))
        made.query.weight.copy_(torch.eye(8))
    clear, vague = torch.zeros(8), torch.zeros(8)
    clear[0] = 6.0
    index, weight, present, _ = made.choose(torch.stack([clear, vague, vague]))
    assert all(len(set(row.tolist())) == 4 for row in index)
    assert present.sum(1).tolist()[0] == 1
    assert present.sum(1).tolist()[1] > 1
    assert torch.equal(present[1], present[2])
    assert bool((weight <= 1).all())


def test_the_first_tokens_of_a_code_are_those_of_the_whole_code():
    model, batch = science("pde")
    model = method("tail_drop", tokens=4).prepare(copy.deepcopy(model)).eval()
    for made in hooks(model):
        opened(made)
    first = next(iter(hooks(model)))
    with torch.no_grad():
        model(batch)
        whole = first.code(model.context)
        found = {}
        for budget in (0.25, 0.5, 1.0):
            with model.context.at(budget=budget):
                part = first.code(model.context)
                assert torch.equal(part, whole[:, : part.shape[1]])
                found[part.shape[1]] = model(batch).fields
    assert sorted(found) == [1, 2, 4]
    assert torch.equal(found[4], model(batch).fields)
    assert not torch.equal(found[1], found[2])
    assert sum(made.encoder is not None for made in hooks(model)) == 1


def test_training_draws_the_length_of_a_code_anew(monkeypatch):
    model, batch = science("pde")
    way = method("tail_drop", tokens=4)
    model = way.prepare(copy.deepcopy(model))
    seen: list[float] = []
    first = next(iter(hooks(model)))
    read = first.code

    def noted(context):
        seen.append(context.budget)
        return read(context)

    monkeypatch.setattr(first, "code", noted)
    for _ in range(8):
        way.loss(model, batch)
    assert {round(4 * b) for b in seen} <= {1, 2, 3, 4}
    assert len(set(seen)) > 1


def test_a_budget_keeps_the_same_number_everywhere_most_where_things_change():
    x = torch.zeros(2, 8, 8, 3)
    x[:, 5:7, 5:7] = torch.randn(2, 2, 2, 3)
    kept = chosen(Tokens(x), 0.25, even=0.25)
    assert kept.flatten(1).sum(1).tolist() == [16, 16]
    assert bool(kept[:, 4:7, 4:7].flatten(1).sum(1).ge(8).all())
    assert bool(kept.view(2, -1)[:, ::16].all())
    assert chosen(Tokens(x), 0.5, even=0.0).flatten(1).sum(1).tolist() == [32, 32]


def test_a_whole_budget_is_the_model_bit_for_bit_and_less_is_another():
    model, batch = science("pde")
    made = method("token_budget").prepare(copy.deepcopy(model)).eval()
    plain = copy.deepcopy(model).eval()
    with torch.no_grad():
        with made.context.at(budget=1.0):
            assert torch.equal(made(batch).fields, plain(batch).fields)
        with made.context.at(budget=0.25):
            assert not torch.equal(made(batch).fields, plain(batch).fields)


def test_every_budget_is_in_the_loss():
    model, batch = science("pde")
    way = method("token_budget", budgets=(0.5, 0.25))
    terms = way.loss(way.prepare(copy.deepcopy(model)), batch)
    assert set(terms) == {"loss", "loss at 0.5", "loss at 0.25", "alike at 0.5", "alike at 0.25"}
    with pytest.raises(ConfigError, match=r"budgets are shares of tokens in \(0, 1\).* got \(2.0,\)"):
        method("token_budget", budgets=(2.0,))


def test_a_cache_refuses_what_it_would_pass_by():
    model = method("prompts").prepare(copy.deepcopy(science("graphs")[0]))
    with pytest.raises(ConfigError, match=r"got one that an adapter stands around.*merge the adapter"):
        Cache(model.core, 1, 8)


def errors(way, budgets):
    """Losses at some budgets, of a model that was trained for a little with a method."""
    torch.manual_seed(0)
    batch = Waves(6).all()
    model = prepare(way, tiny_model())
    train(way, model, batch, 20)
    model.eval()
    found = []
    with torch.no_grad():
        for budget in budgets:
            with model.context.at(budget=budget):
                found.append(float(model.loss(batch)))
    return found


@pytest.mark.integration
def test_one_checkpoint_is_better_at_few_tokens_than_one_that_has_always_seen_all():
    few, half, whole = errors(method("token_budget", budgets=(0.5, 0.25)), (0.25, 0.5, 1.0))
    assert whole < half < few
    blind = method("token_budget", budgets=(0.999,), alike=0.0)  # the same norms are trained, on all 16 tokens alone
    assert few < errors(blind, (0.25,))[0]


@pytest.mark.integration
def test_more_of_a_code_is_never_worse_after_its_tail_was_dropped_in_training():
    found = errors(method("tail_drop", tokens=4), (0.25, 0.5, 1.0))
    assert all(longer <= 1.001 * shorter for shorter, longer in pairwise(found))
