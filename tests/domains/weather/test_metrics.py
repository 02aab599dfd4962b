"""Scores against the verification libraries of the field, and against their definitions."""

import importlib
import warnings

import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.domains.weather import metrics, regular

GRID = regular(6, 8)
ROWS = torch.from_numpy(GRID.area_weights())


@pytest.fixture(scope="module")
def oracle():
    """The verification libraries by name; their imports warn."""

    def load(name):
        pytest.importorskip(name.partition(".")[0])
        return importlib.import_module(name)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield load


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def labelled(x, *dims):
    return xr.DataArray(x.numpy(), dims=(*dims, "latitude", "longitude"), coords={"latitude": list(GRID.latitude)})


def weights(like):
    return xr.DataArray(ROWS.numpy(), dims="latitude", coords={"latitude": list(GRID.latitude)}).broadcast_like(like)


@pytest.mark.parametrize("missing", [False, True])
def test_errors_are_those_of_scores(oracle, missing):
    f, t = draw(5, 6, 8), draw(5, 6, 8, seed=1)
    if missing:
        t[0, :2], f[1, 0, 0] = torch.nan, torch.nan
    a, b, continuous = labelled(f, "time"), labelled(t, "time"), oracle("scores.continuous")
    choices = {"preserve_dims": "time", "weights": weights(a)}
    for ours, theirs in (
        (metrics.squared_error, continuous.mse),
        (metrics.absolute_error, continuous.mae),
        (metrics.bias, continuous.additive_bias),
    ):
        np.testing.assert_allclose(ours(f, t, ROWS), theirs(a, b, **choices), atol=1e-12)
    if not missing:
        rmse = metrics.root_mean_square(metrics.squared_error(f, t, ROWS))
        np.testing.assert_allclose(rmse, continuous.rmse(a, b, weights=weights(a)), atol=1e-12)


def test_the_root_comes_after_the_mean_over_time():
    squares = torch.tensor([1.0, 9.0, torch.nan])
    assert metrics.root_mean_square(squares).item() == pytest.approx(5**0.5)


def test_anomaly_correlation_is_the_uncentred_one():
    f, t, c = draw(6, 8), draw(6, 8, seed=1), draw(6, 8, seed=2)
    w = ROWS.numpy()[:, None]
    a, b = (f - c).numpy(), (t - c).numpy()
    wanted = (w * a * b).sum() / np.sqrt((w * a * a).sum() * (w * b * b).sum())
    assert metrics.anomaly_correlation(f, t, c, ROWS).item() == pytest.approx(wanted)
    assert metrics.anomaly_correlation(t, t, c, ROWS).item() == pytest.approx(1)


def test_wind_vectors():
    f, t = draw(3, 2, 6, 8), draw(3, 2, 6, 8, seed=1)
    wanted = sum(metrics.squared_error(f[:, i], t[:, i], ROWS) for i in range(2))
    torch.testing.assert_close(metrics.wind_vector_error(f, t, ROWS), wanted)


@pytest.mark.parametrize("members", [2, 5])
def test_crps_is_that_of_three_libraries(oracle, members):
    e, t = draw(members, 6, 8), draw(6, 8, seed=1)
    a, b = labelled(e, "number"), labelled(t)
    plain, fair = metrics.crps(e, t, fair=False), metrics.crps(e, t)
    np.testing.assert_allclose(plain, oracle("properscoring").crps_ensemble(t.numpy(), e.numpy(), axis=0), atol=1e-12)
    np.testing.assert_allclose(
        plain, oracle("xskillscore").crps_ensemble(b, a, member_dim="number", dim=[]), atol=1e-12
    )
    theirs = oracle("scores.probability").crps_for_ensemble(a, b, "number", method="fair", preserve_dims="all")
    np.testing.assert_allclose(fair, theirs, atol=1e-12)


def test_brier_is_that_of_scores(oracle):
    e, t = draw(5, 6, 8), draw(6, 8, seed=1)
    t[0, 0] = torch.nan
    theirs = oracle("scores.probability").brier_score_for_ensemble
    for fair in (True, False):
        wanted = theirs(labelled(e, "number"), labelled(t), "number", 0.3, preserve_dims="all", fair_correction=fair)
        np.testing.assert_allclose(metrics.brier(e, t, 0.3, fair), wanted.squeeze("threshold"), atol=1e-12)


def test_quantile_loss_is_that_of_scores(oracle):
    f, t = draw(6, 8), draw(6, 8, seed=1)
    wanted = oracle("scores.continuous").quantile_score(labelled(f), labelled(t), 0.9, preserve_dims="all")
    np.testing.assert_allclose(metrics.quantile_loss(f, t, 0.9), wanted, atol=1e-12)


def test_fractions_skill_is_that_of_scores(oracle):
    f, t = draw(6, 8), draw(6, 8, seed=1)
    wanted = oracle("scores.spatial").fss_2d(
        labelled(f), labelled(t), event_threshold=0.2, window_size=(3, 3), spatial_dims=("latitude", "longitude"),
        threshold_operator=np.greater_equal,
    )  # fmt: skip
    assert metrics.fractions_skill(f, t, 0.2, 3).item() == pytest.approx(float(wanted), abs=1e-12)
    turned = [metrics.fractions_skill(f.roll(k, -1), t.roll(k, -1), 0.2, 3, closed=True).item() for k in range(3)]
    assert turned == pytest.approx([turned[0]] * 3)
    with pytest.raises(ValueError, match=r"inside the field \(6, 8\), got 7 points"):
        metrics.fractions_skill(f, t, 0.2, 7)


def test_a_rank_histogram_is_that_of_xskillscore(oracle):
    e, t = draw(4, 6, 8), draw(6, 8, seed=1)
    wanted = oracle("xskillscore").rank_histogram(labelled(t), labelled(e, "number"), member_dim="number")
    assert metrics.rank_histogram(e, t).tolist() == wanted.values.tolist()
    ties = metrics.rank_histogram(torch.zeros(3, 40000), torch.zeros(40000), torch.Generator().manual_seed(0))
    assert ties.float().std() / ties.float().mean() < 0.05  # ties are spread evenly


def test_an_ensemble_of_the_truth_is_reliable_and_its_scores_are_smallest():
    generator = torch.Generator().manual_seed(0)
    everything = torch.randn(9, 50, 20, 20, generator=generator, dtype=torch.float64)
    e, t = everything[:8], everything[8]
    variance, squares = metrics.spread_and_error(e, t)
    assert metrics.spread_skill_ratio(variance, squares, 8).item() == pytest.approx(1, abs=0.02)
    assert metrics.energy_score(e, t).mean() < metrics.energy_score(0.3 * e, t).mean()
    assert metrics.energy_score(e, t).mean() < metrics.energy_score(3 * e, t).mean()


def test_the_energy_score_of_one_place_is_the_crps():
    e, t = draw(5, 7, 1, 1), draw(7, 1, 1, seed=1)
    for fair in (True, False):
        wanted = metrics.crps(e, t, fair)[:, 0, 0]
        torch.testing.assert_close(metrics.energy_score(e, t, None, fair), wanted)
    with pytest.raises(ValueError, match=r"a fair score needs at least two members, got 1"):
        metrics.energy_score(e[:1], t)


def test_checks_of_physics():
    states = torch.ones(3, 6, 8) * torch.tensor([2.0, 2.2, 1.0])[:, None, None]
    torch.testing.assert_close(metrics.drift(states, ROWS.float()), torch.tensor([0.0, 0.1, -0.5]))
    humidity = torch.ones(6, 8)
    humidity[:, :2] = -1
    assert metrics.negative_share(humidity, ROWS.float()).item() == pytest.approx(0.25)
    assert metrics.skill(torch.tensor(1.0), torch.tensor(4.0)).item() == 0.75


def test_land_alone_counts_where_it_is_asked_for():
    x = draw(6, 8)
    land = torch.zeros(6, 8, dtype=torch.bool)
    land[2, 3] = land[4, 1] = True
    wanted = (x[2, 3] * ROWS[2] + x[4, 1] * ROWS[4]) / (ROWS[2] + ROWS[4])
    torch.testing.assert_close(metrics.area_mean(x, ROWS, land), wanted)
    assert torch.isnan(metrics.area_mean(torch.full((6, 8), torch.nan)))


def test_scores_of_a_case_that_is_counted_by_hand():
    """Two members and a truth at three places of equal weight, the last of which is not known."""
    e = torch.tensor([[[1.0, 4.0, 9.0]], [[3.0, 4.0, -9.0]]])
    t = torch.tensor([[2.0, 2.0, torch.nan]])
    skill = ((1 + 4) / 2) ** 0.5  # of either member: errors 1 and 2
    pair = ((4 + 0) / 2) ** 0.5  # between them: 2 and 0
    assert metrics.energy_score(e, t, fair=False).item() == pytest.approx(skill - pair / 4)
    assert metrics.energy_score(e, t).item() == pytest.approx(skill - pair / 2)
    variance, squares = metrics.spread_and_error(e, t)
    assert (variance.item(), squares.item()) == pytest.approx((1.0, 2.0))  # (2 + 0) / 2 and (0 + 4) / 2
    ratio = metrics.spread_skill_ratio(variance[None], squares[None], 2)
    assert ratio.item() == pytest.approx((3 / 2 * 1 / 2) ** 0.5)
    assert metrics.rank_histogram(e, t).tolist() == [1, 1, 0]  # above one of two; below both of two that are alike
    torch.testing.assert_close(metrics.crps(e, t, fair=False)[0, :2], torch.tensor([0.5, 2.0]))
    torch.testing.assert_close(metrics.brier(e, t, 3.0, fair=False)[0, :2], torch.tensor([0.25, 1.0]))


def test_places_that_are_not_known_are_left_out_of_fractions():
    f = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    t = torch.tensor([[1.0, torch.nan, 0.0], [1.0, 1.0, torch.nan]])
    p, o = [2 / 3, 1 / 2], [3 / 3, 1 / 2]  # windows of 2 x 2 with three and with two known places
    wanted = 1 - ((p[0] - o[0]) ** 2 + (p[1] - o[1]) ** 2) / (p[0] ** 2 + p[1] ** 2 + o[0] ** 2 + o[1] ** 2)
    assert metrics.fractions_skill(f, t, 0.5, 2).item() == pytest.approx(wanted)
    assert metrics.fractions_skill(f, t * torch.nan, 0.5, 2).isnan()
