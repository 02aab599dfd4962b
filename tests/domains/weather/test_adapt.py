"""A model meets other data: what it knows of their channels stays with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from humboldt.domains.weather import Channel, fit_to_data, open_weather
from humboldt.domains.weather.columns import meaning
from tests.domains.weather.analyses_on_disk import analyses
from tests.domains.weather.models import STATIC, model


def opened(**choices):
    data = analyses(frames=12, rows=8, columns=16)
    data = data.assign(t=(data["t"] - 273.15).assign_attrs(data["t"].attrs, units="degC"))
    return open_weather(data, **choices)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Channel(variable="u500"), Channel(variable="U", level=500.0, level_kind="hPa")),
        (Channel(variable="t"), Channel(variable="T2M")),
        (Channel(variable="SLP"), Channel(variable="mslp")),
        (Channel(variable="zg", level=850.0, level_kind="hPa"), Channel(variable="z", level=850.0, level_kind="hPa")),
        (Channel(variable="x", standard_name="eastward_wind"), Channel(variable="u10")),
    ],
)
def test_one_quantity_under_two_names(one, other):
    assert meaning(one) == meaning(other)


def test_levels_and_unknown_names_are_told_apart():
    pairs = ((500.0, "hPa"), (850.0, "hPa"), (50.0, "model"))
    levels = [Channel(variable="T", level=level, level_kind=kind) for level, kind in pairs]
    others = [Channel(variable="T2M"), Channel(variable="blob500"), Channel(variable="blob")]
    assert len({meaning(c) for c in [*levels, *others]}) == 6


def test_known_channels_take_over_their_weights_and_statistics_in_their_own_units():
    made, data = model(), opened()
    other = fit_to_data(made, data)
    assert [c.name for c in other.config.channels] == ["t_500", "t_850", "msl"]  # of T2M, T_850, T_500
    for place, old in ((0, 2), (1, 1)):
        for time in (0, 1):
            first = [m.embed.patches.projection.weight[:, 3 * time + i] for m, i in ((other, place), (made, old))]
            assert torch.equal(*first)
        last = [m.head.unembed.weight.view(3, 4, 16)[i] for m, i in ((other, place), (made, old))]
        assert torch.equal(*last)
        celsius = made.embed.normaliser.mean[old] - 273.15
        torch.testing.assert_close(other.embed.normaliser.mean[place], celsius)
        torch.testing.assert_close(other.head.normaliser.mean[place], celsius)
        assert other.embed.normaliser.std[place] == made.embed.normaliser.std[old]
    found = data.statistics()
    assert float(other.embed.normaliser.mean[2]) == pytest.approx(found["mean"][2], rel=1e-5)
    assert float(other.embed.normaliser.std[2]) == pytest.approx(found["std"][2], rel=1e-5)


def test_known_channels_are_corrected_as_the_model_does_where_the_others_are_missing():
    made, data = model(static=STATIC[:3], residual="none"), opened()
    data = data.arranged(data.channels, data.channels, STATIC[:3])
    other = fit_to_data(made, data)
    batch = data.batch([0])
    low, high, _ = (batch.fields[:, :, i] + 273.15 for i in (1, 0, 2))
    mine = torch.stack([torch.full_like(low, torch.nan), low, high], dim=2)
    with torch.no_grad():
        other.embed.patches.projection.weight[:, [2, 5]] = 0  # what is new says nothing
        old = made(replace(batch, fields=mine, channels=made.config.channels, target=None)).fields
        new = other(batch).fields
    for place, known in ((0, 2), (1, 1)):
        corrections = []
        for m, fields, i in ((other, new, place), (made, old, known)):
            corrections.append((fields[:, i] - m.head.normaliser.mean[i]) / m.head.normaliser.std[i])
        torch.testing.assert_close(*corrections, rtol=1e-3, atol=1e-3)


def test_with_a_memory_increments_are_brought_to_long_lead_times():
    made, data = model(residual="temporal", memory=36.0), opened(lead_times=[6, 12])
    found = data.statistics()
    assert sorted(set(found["hours"])) == [6, 12]
    other = fit_to_data(made, data)
    grown = np.mean(1 - np.exp(-found["hours"] / 36))
    np.testing.assert_allclose(other.head.normaliser.std.numpy(), found["increment"] / grown**0.5, rtol=1e-5)
