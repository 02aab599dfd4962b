"""Terms of losses: zero where they should be, blind to what they should be blind to, right in their gradients."""

import copy

import pytest
import torch
from torch import nn

from humboldt.domains.pde import Channel, FieldBatch, FieldPrediction
from humboldt.domains.pde.residuals import divergence, mean_change
from humboldt.finetune import Featured, FeaturedBatch, Recipe, features_of, method
from humboldt.finetune.features import values_of
from humboldt.finetune.methods.matryoshka import first
from humboldt.finetune.methods.prior import distances
from humboldt.finetune.objectives import balance, contrast, prototype_contrast, variation
from humboldt.finetune.testing import prepare, train
from humboldt.foundations import ConfigError
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves, tiny_model


def test_even_use_is_one_for_balance_and_zero_for_variation():
    even = torch.full((6, 3), 1 / 3)
    assert variation(even).item() == pytest.approx(0)
    assert variation(torch.eye(3)[:1].repeat(6, 1)).item() == pytest.approx(2)
    assert variation(even[:1]).item() == 0
    assert balance(torch.eye(3).repeat(2, 1)).item() == pytest.approx(1)


def test_contrast_is_zero_for_clear_groups_and_blind_to_length_and_rotation():
    owner = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0], [2.0, 0], [-1.0, 0], [-3.0, 0]], dtype=torch.float64)
    assert contrast(apart, owner, 0.05).item() == pytest.approx(0, abs=1e-6)
    x = torch.randn(4, 3, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    lengths = torch.rand(4, 1, dtype=torch.float64) + 0.5
    torch.testing.assert_close(contrast(x, owner, 0.1), contrast(lengths * x @ rotation, owner, 0.1))
    assert contrast(x, torch.arange(4), 0.1).item() == 0
    assert torch.autograd.gradcheck(lambda y: contrast(y, owner, 0.3), x.clone().requires_grad_())


def test_a_sample_is_drawn_to_its_prototype():
    prototypes, owner = torch.eye(3, dtype=torch.float64), torch.tensor([0, 2])
    assert prototype_contrast(prototypes[owner], prototypes, owner, 0.05).item() == pytest.approx(0, abs=1e-6)
    z = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: prototype_contrast(x, prototypes, owner, 0.3), z)


def test_a_cut_at_the_width_is_the_plain_loss_and_tied_heads_are_slices():
    model, batch = science("pde")
    way = method("matryoshka", dims=(8,))
    made = prepare(way, model)
    assert torch.equal(way.loss(made, batch)["loss"], made.loss(batch))
    assert set(way.loss(made, batch)) == {"loss"}
    assert set(method("matryoshka").loss(made, batch)) == {"loss", "loss of 4"}
    x, head = torch.randn(2, 5, 8), nn.Linear(8, 3)
    torch.testing.assert_close(head(first(x, 3)), x[..., :3] @ head.weight[:, :3].mT + head.bias)
    with pytest.raises(ConfigError, match=r"within the width of a token, got dims=\(9,\) for 8"):
        method("matryoshka", dims=(9,)).loss(made, batch)


def test_short_embeddings_get_better_by_it():
    torch.manual_seed(0)
    batch, found = Waves(6).all(), {}
    for name, dims in (("full", {}), ("matryoshka", {"dims": (2,)})):
        way = method(name, **dims)
        model = prepare(way, tiny_model())
        train(way, model, batch, 20)
        tokens = model.encode(batch)
        found[name] = model.head.loss(model.head(tokens.with_x(first(tokens.x, 2)), batch), batch).item()
    assert found["matryoshka"] < found["full"]


def test_a_prior_is_matched_in_values_and_slopes_and_is_not_there():
    data, teacher = Waves(4), tiny_model()
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    featured = Featured(data, prior=features_of(lambda batch: values_of(teacher(batch)), data, batch_size=3))
    del teacher
    way = method("prior", match=5.0)
    student = prepare(way, tiny_model())
    optimiser = torch.optim.AdamW(way.parameter_groups(student, Recipe(core_rate=1e-2)))
    found = []
    for _ in range(8):
        terms = way.loss(student, featured.batch([0, 1, 2, 3]))
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        found.append(terms["match"].item())
    assert found[-1] < 0.8 * found[0]
    assert set(way.merge(student).state_dict()) == set(tiny_model().state_dict())


def test_distances_to_a_prior_are_zero_at_it_and_slopes_ignore_levels():
    prior = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    assert [d.item() for d in distances(prior, prior)] == [0, 0]
    near, steep = distances(prior + 1, prior)
    assert near.item() == pytest.approx(1 / prior.var(unbiased=False).item())
    assert steep.item() == pytest.approx(0)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: torch.stack(distances(y, prior)).sum(), x)


def test_a_prior_of_another_shape_is_refused():
    model, batch = science("pde")
    with pytest.raises(ConfigError, match=r"prior reads what a teacher predicted from every batch, .* got none"):
        method("prior").loss(model, batch)
    with pytest.raises(ConfigError, match=r"got one of \(3, 2\)"):
        method("prior").loss(model, FeaturedBatch(batch, prior=torch.zeros(3, 2)))


def flow(size):
    """A flow without divergence on the grid, and one that is a source."""
    y, x = (2 * torch.pi * i / size for i in torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij"))
    free = torch.stack([torch.sin(x), torch.cos(y)])  # along the first axis what depends on the second, and the reverse
    return free, torch.stack([torch.sin(y), torch.zeros_like(x)])


def test_a_flow_without_divergence_has_no_residual():
    model = tiny_model()
    free, source = flow(16)
    batch = FieldBatch(fields=torch.zeros(1, 2, 16, 16), lead_time=torch.ones(1))
    assert divergence(model, FieldPrediction(free[None]), batch).abs().max() < 1e-6
    assert divergence(model, FieldPrediction(source[None]), batch).abs().max() > 0.1


def test_a_mean_that_is_kept_has_no_residual():
    model, fields = tiny_model(), torch.randn(2, 2, 8, 8)
    batch = FieldBatch(fields=fields, lead_time=torch.ones(2))
    assert mean_change(model, FieldPrediction(fields.roll(1, -1)), batch).abs().max() < 1e-6
    gained = mean_change(model, FieldPrediction(fields + 1), batch)
    torch.testing.assert_close(gained, 1 / fields.flatten(2).std(-1))
    fields[:, 1], fields[0, 0, :4] = torch.nan, torch.nan  # a channel that the data lack, and land
    found = mean_change(model, FieldPrediction(torch.nan_to_num(fields) + 1), batch)
    spreads = torch.stack([fields[0, 0, 4:].std(), fields[1, 0].std()])
    torch.testing.assert_close(found, torch.stack([1 / spreads, torch.zeros(2)], dim=1))
    scalar = copy.deepcopy(model)
    object.__setattr__(scalar.config, "outputs", (Channel(name="height"),))
    with pytest.raises(ConfigError, match=r"needs a velocity of 2 components, got the channels \['height'"):
        divergence(scalar, FieldPrediction(fields[:, :1]), batch)


def test_a_residual_falls_when_it_is_in_the_loss():
    batch, found = Waves(4).all(), {}
    for weight in (0.0, 3.0):
        way = method("physics", residual="humboldt.domains.pde.residuals:divergence", weight=weight)
        model = prepare(way, tiny_model())
        train(way, model, batch, 15)
        found[weight] = divergence(model, model(batch), batch).square().mean().item()
    assert found[3.0] < found[0.0]


def test_a_residual_that_is_not_there_is_refused():
    for place in ("", "nowhere.at:all", "math:pie", "math"):
        with pytest.raises(ConfigError, match=r"package.module:name"):
            method("physics", residual=place).prepare(copy.deepcopy(science("pde")[0]))
