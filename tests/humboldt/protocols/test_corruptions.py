from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from humboldt.domains.biodiversity import GridBatch
from humboldt.domains.pde import FieldBatch
from humboldt.domains.weather import WeatherBatch
from humboldt.protocols.corruptions import CORRUPTIONS, Corrupted
from humboldt.protocols.states import NotApplicableError, ProtocolError, states, with_states


def smooth(count: int = 3, channels: int = 3, size: int = 32) -> torch.Tensor:
    """Waves of another phase for every sample and of another size for every channel."""
    x = torch.linspace(0, 2 * torch.pi, size + 1)[:-1]
    phase = torch.arange(count)[:, None, None, None]
    scale = torch.arange(1, channels + 1)[None, :, None, None]
    return scale * (torch.sin(x[:, None] + phase) + torch.cos(2 * x[None, :]) + 0.3)


class Fields:
    """A dataset of waves: of one state (pde), or of two."""

    def __init__(self, fields: torch.Tensor, kind: str = "pde", periodic: tuple[bool, ...] = (True, True)) -> None:
        self.fields, self.kind, self.periodic = fields, kind, periodic

    def __len__(self) -> int:
        return len(self.fields)

    def batch(self, indices: Sequence[int]) -> Any:
        x = self.fields[list(indices)]
        lead = torch.full((len(x),), 2.0)
        if self.kind == "pde":
            return FieldBatch(fields=x, lead_time=lead, target=x, periodic=self.periodic)
        pair = torch.stack([x, x + 1], 1)
        if self.kind == "weather":
            return WeatherBatch(
                fields=pair, static=torch.zeros(len(x), 1, *x.shape[-2:]), lead_time=lead,
                input_time=torch.full((len(x),), 6.0), target=x,
            )  # fmt: skip
        return GridBatch(
            fields=pair.transpose(1, 2), latitude=torch.arange(x.shape[-2]).float(),
            longitude=torch.arange(x.shape[-1]).float(), month=torch.ones(len(x), dtype=torch.long), lead_time=lead,
            target=x,
        )  # fmt: skip

    def take(self, count: int) -> "Fields":
        return Fields(self.fields[:count], self.kind, self.periodic)


def corrupted(name: str, severity: int, data: Fields | None = None, seed: int = 0) -> Any:
    data = data or Fields(smooth())
    return Corrupted(data, name, severity, seed).batch(range(len(data)))


CLEAN = Fields(smooth()).batch(range(3))


def damage(batch: Any, clean: Any) -> float:
    """How far the inputs are from the clean ones; a missing value is as far off as nothing known of it."""
    fields = (states(batch).nan_to_num(nan=0.0) - states(clean)).abs().mean()
    return float(fields + (batch.lead_time - clean.lead_time).abs().mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("kind", ["pde", "weather", "biodiversity"])
def test_severity_0_changes_nothing_and_each_step_does_more_damage(name, kind):
    data = Fields(smooth(channels=5), kind)
    clean = data.batch(range(3))
    assert corrupted(name, 0, data).fields.equal(clean.fields)
    done = [damage(corrupted(name, severity, data), clean) for severity in range(1, 6)]
    assert done[0] > 0
    if name == "dropped":  # of five channels 1, 1, 2, 2, 2
        assert done[0] == done[1] < done[2] == done[3] == done[4]
    else:
        assert all(a < b for a, b in pairwise(done)), done
    assert corrupted(name, 5, data).target.equal(clean.target)


def test_a_severe_corruption_does_what_a_mild_one_does_and_more():
    noisy = [corrupted("noise", severity).fields - CLEAN.fields for severity in (1, 5)]
    torch.testing.assert_close(16 * noisy[0], noisy[1], rtol=1e-3, atol=1e-4)
    data = Fields(smooth(channels=5))
    gone = [corrupted("dropped", severity, data).fields.isnan() for severity in (1, 5)]
    assert bool((gone[0] <= gone[1]).all())
    assert gone[0].sum() < gone[1].sum()


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("kind", ["pde", "weather", "biodiversity"])
def test_a_state_is_corrupted_alike_in_every_batch_and_science(name, kind):
    view = Corrupted(Fields(smooth(), kind), name, 3)
    whole, alone = view.batch([0, 1, 2]), view.take(2).batch([1])
    assert states(whole)[1:2].equal(states(alone)) or torch.equal(
        states(whole)[1:2].nan_to_num(nan=7.0), states(alone).nan_to_num(nan=7.0)
    )
    assert float(whole.lead_time[1]) == float(alone.lead_time[0])
    assert states(whole).shape == states(view.viewed.batch([0, 1, 2])).shape


def test_another_seed_is_another_chance():
    assert not corrupted("noise", 2, seed=1).fields.equal(corrupted("noise", 2, seed=0).fields)


def test_noise_has_the_share_of_the_deviation_of_its_channel():
    big = Fields(smooth(2, 2, 128))
    noisy, clean = corrupted("noise", 4, big).fields, big.fields
    ratio = (noisy - clean).std((2, 3)) / clean.std((2, 3))
    torch.testing.assert_close(ratio, torch.full_like(ratio, 0.4), rtol=0.03, atol=0)
    relative = corrupted("speckle", 3, big).fields / clean - 1
    assert abs(float(relative.std()) - 0.2) < 0.01


def test_a_swath_is_a_strip_of_the_last_axis_in_all_channels():
    gone = corrupted("swath", 4).fields.isnan()
    assert gone.all(2).sum(-1).eq(round(0.35 * 32)).all()
    assert gone.any(2).equal(gone.all(2))


def test_stuck_places_report_one_value_in_every_channel():
    x = corrupted("stuck", 5).fields
    changed = (x != CLEAN.fields).any(1)
    for sample, places in zip(x, changed, strict=True):
        assert len({tuple(column.tolist()) for column in sample[:, places].T}) == 1
    assert 0.1 < float(changed.float().mean()) <= 0.2


def test_a_channel_is_dropped_and_one_stays():
    gone = corrupted("dropped", 5).fields.isnan().flatten(2)
    assert gone.all(2).sum(1).tolist() == [2, 2, 2]
    assert gone.any(2).equal(gone.all(2))
    absent = CLEAN.fields.clone()
    absent[:, 0] = torch.nan
    again = corrupted("dropped", 1, Fields(absent)).fields.isnan().flatten(2).all(2)
    assert again.sum(1).tolist() == [2, 2, 2]  # of the two that are there
    with pytest.raises(NotApplicableError, match="of two or more, got 1; leave `dropped` out"):
        corrupted("dropped", 1, Fields(smooth(1, 1)))


def test_a_shift_goes_round_or_repeats_the_edge():
    assert corrupted("shift", 4).fields.equal(CLEAN.fields.roll(6, -1))
    edge = corrupted("shift", 4, Fields(smooth(), periodic=())).fields
    assert edge[..., 6:].equal(CLEAN.fields[..., :-6])
    assert edge[..., :6].equal(CLEAN.fields[..., :1].expand(-1, -1, -1, 6))


def test_coarse_keeps_means_and_has_blocks():
    x = corrupted("coarse", 3).fields
    torch.testing.assert_close(x.mean((2, 3)), CLEAN.fields.mean((2, 3)))
    blocks = x.unfold(2, 4, 4).unfold(3, 4, 4)
    assert blocks.equal(blocks[..., :1, :1].expand_as(blocks))


def test_a_unit_error_is_a_factor_of_one_channel():
    ratio = (corrupted("unit", 3).fields / CLEAN.fields).mean((2, 3)).round(decimals=3)
    assert [sorted(row) for row in ratio.tolist()] == [[1, 1, 10]] * 3


def test_clocks_disagree_in_the_last_state_or_in_the_lead_time():
    late = states(corrupted("time", 2, Fields(smooth(), "weather")))
    behind = (smooth() + 1 - late[:, 1]).mean((2, 3)).round(decimals=4)
    assert [sorted(row) for row in behind.tolist()] == [[0, pytest.approx(0.2), pytest.approx(0.2)]] * 3
    assert late[:, 0].equal(smooth())
    assert corrupted("time", 2).lead_time.tolist() == pytest.approx([2.4] * 3)


def test_values_have_so_many_levels():
    x = corrupted("quantised", 4).fields
    assert {len(channel.unique()) for sample in x for channel in sample} <= {7, 8}
    torch.testing.assert_close(x.amax((2, 3)), CLEAN.fields.amax((2, 3)))
    level = Fields(torch.full((1, 1, 8, 8), 3.0))
    assert corrupted("quantised", 5, level).fields.equal(level.fields)


def test_missing_values_stay_missing():
    holes = smooth()
    holes[:, 1, :4, :4] = torch.nan
    for name in ("noise", "unit", "quantised", "speckle"):
        assert corrupted(name, 2, Fields(holes)).fields.isnan().equal(holes.isnan()), name


def test_words_are_checked():
    with pytest.raises(ProtocolError, match=r"corruptions are noise, .*, got 'nois'"):
        Corrupted(None, "nois", 1)
    with pytest.raises(ProtocolError, match="a severity is 1 to 5, or 0 for none, got 6"):
        Corrupted(None, "noise", 6)
    with pytest.raises(ProtocolError, match="fields are on a grid, got str"):
        states("abc")


def test_one_may_bring_a_corruption_of_ones_own():
    negative = replace(CORRUPTIONS["unit"], change=lambda sample, s, generator: sample.at(-s * sample.states))
    x = Corrupted(Fields(smooth()), negative, 3).batch([0]).fields
    assert x.equal(-10 * CLEAN.fields[:1])
    assert with_states(CLEAN, states(CLEAN)).fields.equal(CLEAN.fields)
