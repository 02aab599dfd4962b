"""From one grid to another."""

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Grid, regrid, regular
from humboldt.domains.weather.regrid import weights


def gaussian(rows, columns):
    latitude = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(rows)[0]))
    return Grid(tuple(latitude.tolist()), tuple((np.arange(columns) * 360 / columns).tolist()))


def field(grid, values):
    coords = {n: (n, list(getattr(grid, n))) for n in ("latitude", "longitude")}
    return xr.Dataset({"x": (("time", "latitude", "longitude"), values, {"units": "K"})}, coords)


def draw(grid):
    return field(grid, np.random.default_rng(0).normal(size=(2, *grid.shape)))


def integral(data):
    grid = Grid(*(tuple(data[n].values.tolist()) for n in ("latitude", "longitude")))
    rows = np.abs(np.diff(np.sin(np.deg2rad(grid.latitude_edges()))))
    return (data["x"].values * rows[:, None]).sum((1, 2)) * 360 / grid.shape[1]


@pytest.mark.parametrize(
    "to",
    [regular(8, 12), regular(30, 64, poles=True), gaussian(16, 20), regular(9, 18, start=-180.0, south_first=False)],
)
@pytest.mark.parametrize("old", [regular(19, 36, poles=True), gaussian(24, 48)])
def test_conservative_weights_keep_the_integral(old, to):
    data = draw(old)
    np.testing.assert_allclose(integral(regrid(data, to)), integral(data), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", ["conservative", "bilinear"])
def test_a_constant_stays_a_constant_and_attributes_stay(method):
    data = field(regular(19, 36, poles=True), np.full((2, 19, 36), 7.0))
    made = regrid(data, gaussian(32, 50), method)
    np.testing.assert_allclose(made["x"].values, 7)
    assert made["x"].attrs["units"] == "K"


def test_bilinear_values_are_exact_for_planes_and_close_around_the_circle():
    old, to = regular(18, 36), regular(10, 14, start=-180.0)
    wave = np.cos(np.deg2rad(old.longitude))[None, :] + np.asarray(old.latitude)[:, None]
    made = regrid(field(old, wave[None]), to, "bilinear")["x"].values[0]
    inside = np.abs(to.latitude) < 85
    wanted = np.cos(np.deg2rad(to.longitude))[None, :] + np.asarray(to.latitude)[:, None]
    np.testing.assert_allclose(made[inside], wanted[inside], atol=0.01)


def test_the_same_grid_changes_nothing():
    data = draw(regular(6, 8))
    for method in ("conservative", "bilinear"):
        np.testing.assert_allclose(regrid(data, regular(6, 8), method)["x"].values, data["x"].values, atol=1e-12)


def test_means_are_over_what_is_known():
    values = np.arange(8.0).reshape(1, 2, 4)
    values[0, 0, 0] = values[0, :, 3] = np.nan
    made = regrid(field(regular(2, 4), values), regular(1, 2), known=0.5)["x"].values[0, 0]
    assert made == pytest.approx([(4 * 2 + 1 + 5) / 4, (2 * 2 + 6 * 2 + 1 + 5) / 6])
    strict = regrid(field(regular(2, 4), values), regular(1, 2), known=0.9)["x"].values
    assert np.isnan(strict).all()


def test_outside_of_a_region_there_is_nothing():
    region = Grid((0.0, 10.0, 20.0), (170.0, 180.0, 190.0))
    made = regrid(field(region, np.ones((1, 3, 3))), Grid((5.0, 60.0), (-175.0, 0.0)), "bilinear")["x"].values[0]
    assert made[0, 0] == 1
    assert np.isnan(made[1]).all()
    assert np.isnan(made[0, 1])
    with pytest.raises(DataError, match=r"grids must overlap"):
        regrid(field(region, np.ones((1, 3, 3))), Grid((60.0, 70.0), (0.0, 10.0)))


def test_data_without_labels_are_refused():
    other = field(regular(6, 8), np.ones((1, 6, 8))).rename(latitude="lat")
    with pytest.raises(
        DataError, match=r"latitude and longitude is regridded, got Dataset with \['lat', .*open_analyses"
    ):
        regrid(other, regular(4, 4))


def test_chunks_make_no_difference():
    data = draw(regular(12, 24))
    lazy = regrid(data.chunk(time=1, latitude=4), regular(5, 7))
    assert lazy["x"].chunks is not None
    xr.testing.assert_allclose(lazy.compute(), regrid(data, regular(5, 7)))


def known_integral(x, grid):
    rows = np.abs(np.diff(np.sin(np.deg2rad(grid.latitude_edges()))))
    columns = np.diff(grid.longitude_edges())
    return np.nansum(x * rows[:, None] * columns)


@pytest.mark.parametrize("start", [0.0, -180.0, 170.0])
@pytest.mark.parametrize("poles", [False, True])
def test_what_is_known_keeps_its_integral_over_poles_and_the_dateline(poles, start):
    """Gaps that consist of whole new cells, one over a pole, one over the dateline; the rest is conserved."""
    new = regular(7 if poles else 6, 8, poles=poles, start=start)
    fine = np.concatenate([np.linspace(a, b, 5)[:4] + (b - a) / 8 for a, b in zip(new.latitude_edges()[:-1],
                          new.latitude_edges()[1:], strict=True)])  # fmt: skip
    columns = np.concatenate([np.linspace(a, b, 4)[:3] + (b - a) / 6 for a, b in zip(new.longitude_edges()[:-1],
                             new.longitude_edges()[1:], strict=True)])  # fmt: skip
    old = Grid(tuple(fine.tolist()), tuple(columns.tolist()))
    x = np.random.default_rng(0).normal(size=(1, *old.shape))
    x[0, -4:, :] = np.nan  # the cells at the north pole
    x[0, 8:12, [0, 1, 2, -3, -2, -1]] = np.nan
    made = regrid(field(old, x), new)["x"].values[0]
    assert np.isnan(made).sum() == 8 + 2
    if not poles:  # rows of cells at the poles are wider than those inside, and fine rows have their borders half way
        assert known_integral(made, new) == pytest.approx(known_integral(x[0], old), abs=1e-9)
    rows, columns = weights(old, new)
    np.testing.assert_allclose(rows.sum(1), 1)
    np.testing.assert_allclose(columns.sum(1), 1)


def test_a_region_over_the_dateline_is_conserved_whatever_the_branch():
    region = Grid(tuple(np.arange(-9.5, 10).tolist()), tuple(np.arange(170.5, 190).tolist()))
    x = np.random.default_rng(0).normal(size=(1, 20, 20))
    for west in (-190.0, 170.0):
        to = Grid((-7.5, -2.5, 2.5, 7.5), tuple((west + 2 + 4 * np.arange(5)).tolist()))
        made = regrid(field(region, x), to)["x"].values[0]
        assert known_integral(made, to) == pytest.approx(known_integral(x[0], region), abs=1e-9)


def test_cells_that_reach_out_of_a_region_are_known_as_far_as_they_lie_inside():
    region = Grid((0.5, 1.5, 2.5, 3.5), (10.5, 11.5, 12.5, 13.5))  # from 0 to 4 north, 10 to 14 east
    data = field(region, np.ones((1, 4, 4)))
    to = Grid((2.0, 6.0), (12.0, 17.0))  # cells of 4 rows, and of 5 columns from 9.5 and from 14.5
    assert np.isfinite(regrid(data, to)["x"].values[0]).tolist() == [[True, False], [False, False]]
    assert np.isnan(regrid(data, to, known=0.9)["x"].values).all()  # 4 of 5 degrees


def test_shares_of_a_mask_of_whole_numbers_are_fractions():
    mask = field(regular(2, 4), np.array([[[0, 1, 1, 1], [1, 1, 0, 1]]], dtype=np.int8))
    for data in (mask, mask.chunk(time=1)):
        np.testing.assert_allclose(regrid(data, regular(1, 2))["x"].values, [[[0.75, 0.75]]])
