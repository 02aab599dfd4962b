"""From states to tokens: places, times, missing values, grids of any size."""

import dataclasses

import pytest
import torch

from humboldt.domains.weather import Channel, TaskConfig, random_mask
from humboldt.domains.weather.embed import FourierPosition, TimeEncoding, filled
from humboldt.domains.weather.inpainting import inpainted
from tests.domains.weather.models import batch, configuration, model


def test_fourier_position_is_sines_then_cosines_of_the_mean_coordinates_of_a_patch():
    latitude, longitude = torch.rand(1, 4, 6), torch.rand(1, 4, 6)
    made = FourierPosition(8, 2)(torch.stack([latitude, longitude], dim=1))
    a, b = latitude[0, 2:, :2].mean(), longitude[0, 2:, :2].mean()
    wanted = [(k * a).sin() for k in (1, 2)] + [(k * b).sin() for k in (1, 2)]
    wanted += [(k * a).cos() for k in (1, 2)] + [(k * b).cos() for k in (1, 2)]
    torch.testing.assert_close(made[0, 1, 0], torch.stack(wanted))


def test_time_encoding_holds_input_time_before_lead_time():
    encode = TimeEncoding(8)
    a, b = encode.input_time(torch.tensor([[3.0]]))[0], encode.lead_time(torch.tensor([[12.0]]))[0]
    made = encode(torch.tensor([3.0]), torch.tensor([12.0]))[0, 0, 0]
    torch.testing.assert_close(made, torch.cat([a.cos(), b.cos(), a.sin(), b.sin()]))


def test_missing_values_enter_as_the_mean_of_their_channel():
    embed, given = model().embed, batch()
    missing, mean = given.fields.clone(), given.fields.clone()
    missing[0, 1, 2, 3, 4], mean[0, 1, 2, 3, 4] = torch.nan, embed.normaliser.mean[2]
    tokens = [embed(dataclasses.replace(given, fields=f)).x for f in (missing, mean)]
    torch.testing.assert_close(tokens[0], tokens[1])


def test_channels_are_grouped_by_time():
    embed, given = model().embed, batch()
    earlier = given.fields.clone()
    earlier[:, 0] = 0
    with torch.no_grad():
        embed.patches.projection.weight[:, :3] = 0  # all that looks at the first time
    assert torch.equal(embed(given).x, embed(dataclasses.replace(given, fields=earlier)).x)


def test_masked_tokens_are_left_out_and_the_rest_is_as_it_was():
    embed, given = model().embed, batch()
    whole = embed(given)
    for kind in ("units", "slots"):
        mask = random_mask(kind, 0.5, 2, whole.units, shuffled=True)
        part = embed(given.masked(mask))
        assert part.units is None
        torch.testing.assert_close(part.x, mask.gather(whole.x))
        torch.testing.assert_close(part.context, whole.context)


def test_a_part_of_a_unit_is_filled_around_the_circle_or_from_the_edge():
    x = torch.arange(6.0).view(1, 1, 1, 6).expand(1, 1, 3, 6)
    assert filled(x, (2, 4), True)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert filled(x, (2, 4), False)[0, 0, 3].tolist() == [0, 1, 2, 3, 4, 5, 5, 5]


def test_batches_of_other_channels_are_refused():
    embed = model().embed
    other = dataclasses.replace(batch(), fields=batch().fields[:, :, :2], channels=(), climate=None, target=None)
    with pytest.raises(ValueError, match=r"\(times, channels, static channels\) \(2, 3, 4\), got \(2, 2, 4\)"):
        embed(other)
    wrong = (Channel(variable="T2M", units="degC"), *batch().channels[1:])
    with pytest.raises(ValueError, match=r"'T2M \[degC\] for T2M \[K\]'"):
        embed(dataclasses.replace(batch(), channels=wrong))
    with pytest.raises(ValueError, match=r"corrects a climatology, got a batch without one"):
        embed(dataclasses.replace(batch(), climate=None))
    assert (
        model(residual="none").embed(dataclasses.replace(batch(), climate=None)).grid
        == configuration().units((8, 16)).grid
    )


def test_norms_are_told_both_times():
    told = model(condition=8)
    one = told.embed(batch())
    later = told.embed(dataclasses.replace(batch(), lead_time=torch.full((2,), 12.0)))
    assert one.condition.shape == (2, 8)
    wanted = told.embed.condition(torch.full((2,), 6.0), torch.full((2,), 12.0))[:, 0, 0]
    torch.testing.assert_close(later.condition, wanted)
    assert not torch.allclose(one.condition, later.condition)
    assert model().embed(batch()).condition is None


def test_what_is_to_be_reconstructed_enters_as_smooth_values_from_around():
    given = batch()
    torn = dataclasses.replace(given, fields=given.fields.clone())
    torn.fields[:, :, :, 3:5, 6:9] = torch.nan
    plain = model(residual="temporal")
    filling = model(residual="temporal", task=TaskConfig(kind="reconstruction"))
    filling.load_state_dict(plain.state_dict())
    mean = plain.embed.normaliser.mean[:, None, None]
    as_mean = dataclasses.replace(torn, fields=torch.where(torn.fields.isnan(), mean, torn.fields))
    smooth = inpainted(torn.fields.flatten(0, 1), mean, closed=True).unflatten(0, torn.fields.shape[:2])
    torch.testing.assert_close(plain.encode(torn).x, plain.encode(as_mean).x)
    torch.testing.assert_close(filling.encode(torn).x, plain.encode(dataclasses.replace(torn, fields=smooth)).x)
