"""The path of full resolution: what it adds, what it sees, and how a trained model gets one."""

from typing import Any

import pytest
import torch

from humboldt.domains.pde import (
    Channel,
    FieldBatch,
    FineConfig,
    PDEConfig,
    build,
    config_to_published,
    fit_to_data,
    inherit_channels,
    replace_channels,
    scot_core,
    with_fine_path,
)
from humboldt.domains.pde import (
    operator as small_operator,
)
from humboldt.domains.pde.data import open_trajectories
from humboldt.foundations import ConfigError, Tokens
from tests.domains.pde.decay import decay_trajectories

FINE = FineConfig(width=4, layers=1, modes=3)
U, V, C = Channel(name="velocity_x", group="velocity"), Channel(name="velocity_y", group="velocity"), Channel(name="c")


def operator(*channels: Channel, axes: int = 2, **choices: Any) -> Any:
    core = scot_core(width=8, depths=(1,), heads=(2,), window=4, grid=4, skips=(0,))
    return build(PDEConfig(inputs=channels, outputs=channels, core=core, patch=4, increment=True, **choices)).eval()


def awake(model: Any) -> Any:
    """The same model after its path has learned something."""
    with torch.no_grad():
        for parameter in model.head.fine.out.parameters():
            parameter.normal_()
    return model


def test_a_model_that_is_given_a_path_computes_what_it_did_and_the_path_learns():
    model, batch = (
        operator(U, V, C),
        FieldBatch(torch.randn(2, 3, 16, 16), torch.ones(2), target=torch.ones(2, 3, 16, 16)),
    )
    grown: Any = with_fine_path(model, FINE)
    assert torch.equal(grown(batch).fields, model(batch).fields)
    assert grown.config.fine == FINE
    assert model.config.fine is None
    again, other = (with_fine_path(model, FINE, seed=seed).head.get_submodule("fine") for seed in (0, 1))
    assert torch.equal(again.fields.weight, grown.head.fine.fields.weight)
    assert not torch.equal(other.fields.weight, again.fields.weight)
    grown.loss(batch).backward()
    assert grown.head.get_submodule("fine").out.weight.grad.abs().sum() > 0


def test_a_model_of_the_published_kind_has_its_path_on_its_own_grid():
    model = operator(U, V, C, resolution=16, absolute_position=True, periodic=False)
    grown, batch = with_fine_path(model, FINE), FieldBatch(torch.randn(1, 3, 32, 32), torch.ones(1))
    before = model(batch).fields
    assert torch.equal(grown(batch).fields, before)
    change = awake(grown)(batch).fields - before
    spectrum = torch.fft.rfft2(change).abs()
    assert spectrum[..., :8, :8].max() > 1
    assert spectrum[..., 9:23, :].max() < 1e-3  # nothing that 16 points cannot hold


@pytest.mark.parametrize(("axes", "modes"), [(1, 12), (3, 4)])
def test_lines_and_cubes_have_paths_too(axes, modes):
    model = build(small_operator([U], axes=axes, widths=(16,), horizon=2.0))
    grown = with_fine_path(model)
    assert grown.config.fine.modes == modes
    fields = torch.randn(1, 1, *(12,) * axes)
    batch = FieldBatch(fields, torch.ones(1), periodic=(True,) * axes, target=fields.roll(1, 2))
    assert torch.equal(grown(batch).fields, model(batch).fields)
    before = grown.loss(batch)
    optimiser = torch.optim.Adam(grown.head.get_submodule("fine").parameters(), 1e-2)
    for _ in range(20):
        optimiser.zero_grad()
        grown.loss(batch).backward()
        optimiser.step()
    assert grown.loss(batch) < 0.7 * before  # by the path alone


def test_it_tells_points_of_a_patch_apart():
    """Two fields with the same sums over every patch that the tokens see are told apart by the path alone."""
    model = operator(U, V, C)
    with torch.no_grad():
        weight = model.embed.patches.projection.weight
        weight.copy_(weight.mean((2, 3), keepdim=True).expand_as(weight))  # tokens see the mean of a patch
        model.head.mix.weight.zero_()
    grown = awake(with_fine_path(model, FINE))
    fields = torch.randn(1, 3, 16, 16)
    swapped = fields.unflatten(3, (4, 4)).flip(-1).flatten(3)
    changes = [grown(FieldBatch(x, torch.ones(1))).fields - x for x in (fields, swapped)]
    assert (changes[0] - changes[1]).abs().max() > 0.1
    one, other = (model(FieldBatch(x, torch.ones(1))).fields - x for x in (fields, swapped))
    assert torch.allclose(one, other, atol=1e-5)


def test_it_sees_missing_values_as_the_mean_and_any_grid():
    grown = awake(with_fine_path(operator(U, V, C), FINE))
    grown.embed.normaliser.mean.fill_(3.0)
    grown.head.normaliser.mean.fill_(3.0)
    fields = torch.randn(1, 3, 10, 14)
    fields[:, 2] = torch.nan
    shown = torch.where(fields.isnan(), grown.embed.normaliser.mean.view(1, 3, 1, 1), fields)
    found = [grown(FieldBatch(x, torch.ones(1))).fields for x in (fields, shown)]
    assert found[0].shape == (1, 3, 10, 14)
    assert torch.equal(*found)


def test_a_channel_keeps_its_part_of_the_path_when_channels_change():
    grown = awake(with_fine_path(operator(U, V, Channel(name="scalar_1")), FINE))
    fewer = inherit_channels(grown, (V, Channel(name="heat")), (V, Channel(name="heat")))
    path, other = grown.head.fine, fewer.head.get_submodule("fine")
    assert torch.equal(other.fields.weight, path.fields.weight[:, 1:])
    assert torch.equal(other.out.weight, path.out.weight[1:])
    assert torch.equal(other.out.bias, path.out.bias[1:])
    assert torch.equal(other.layers[0].far.weight, path.layers[0].far.weight)
    fresh: Any = replace_channels(grown, (U, V), (U, V)).head.get_submodule("fine")
    assert torch.equal(fresh.layers[0].near.weight, path.layers[0].near.weight)
    assert not fresh.out.weight.any()  # begins with nothing, so that the rest is not disturbed


def test_a_saved_one_comes_back(tmp_path):
    import humboldt

    grown = awake(with_fine_path(operator(U, V, C), FINE))
    again = humboldt.from_pretrained(grown.save(tmp_path / "model"))
    batch = FieldBatch(torch.randn(1, 3, 16, 16), torch.ones(1))
    assert torch.equal(again.eval()(batch).fields, grown(batch).fields)


def test_fitted_to_data_it_keeps_its_weights_and_meets_their_scale():
    data = open_trajectories(decay_trajectories(), split={"train": 2, "test": 1})
    grown = awake(with_fine_path(operator(U, V, Channel(name="scalar_1")), FINE))
    fitted: Any = fit_to_data(grown, data)
    assert [c.name for c in fitted.config.inputs] == ["velocity_x", "velocity_y", "tracer"]
    for name, value in grown.head.fine.state_dict().items():
        assert torch.equal(fitted.head.fine.state_dict()[name], value)
    batch = data.arranged(fitted.config.inputs, fitted.config.outputs).batch([0])
    seen = fitted.embed(batch).context
    torch.testing.assert_close(seen, fitted.embed.normaliser(batch.fields).movedim(1, -1))
    assert seen.std() < 3  # in deviations of the data


def test_it_is_not_given_twice_nor_published():
    model = operator(U, V, C, resolution=16, periodic=False)
    grown = with_fine_path(model, FINE)
    with pytest.raises(ConfigError, match=r"added once, .*got a model with FineConfig\(width=4.*leave it as it is"):
        with_fine_path(grown)
    with pytest.raises(ConfigError, match=r"cannot say fine of this model"):
        config_to_published(grown.config)
    assert config_to_published(model.config)["image_size"] == 16


def test_bad_shapes_and_mask_tokens_are_refused():
    with pytest.raises(ConfigError, match="modes of a fine path is at least 1, got 0; leave `fine` out"):
        FineConfig(modes=0)
    with pytest.raises(ConfigError, match=r"sees every point, also those that mask tokens hide.*leave one out"):
        operator(U, fine=FINE, mask_token=True)


def test_the_rates_that_are_advised_for_tuning_suit_a_new_path():
    model = operator(U)
    model.provenance["advice"] = {
        "pretrained": {"core_rate": 1e-2, "embedding_rate": 1e-4},
        "random": {"core_rate": 1.0},
    }
    advice = with_fine_path(model, FINE, seed=3).provenance["advice"]
    assert advice == {"pretrained": {"core_rate": 1e-2, "embedding_rate": 5e-3}, "random": {"core_rate": 1.0}}
    assert model.provenance["advice"]["pretrained"]["embedding_rate"] == 1e-4


def test_on_a_closed_domain_it_commutes_with_translations_by_a_patch():
    path = awake(with_fine_path(operator(U, V, C), FINE)).head.fine
    x, fields = torch.randn(1, 4, 4, 8), torch.randn(1, 16, 16, 3)
    closed = (True, True)
    made = path(Tokens(x, context=fields, periodic=closed))
    moved = path(Tokens(x.roll(1, 1), context=fields.roll(4, 1), periodic=closed))
    torch.testing.assert_close(moved, made.roll(4, 2), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(path(Tokens(x, context=fields)), made, atol=1e-3)  # walls are felt
