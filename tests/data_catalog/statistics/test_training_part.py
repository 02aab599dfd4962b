import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, compute_statistics
from humboldt.data_catalog.statistics.training_part import training_part

SERIES = xr.Dataset(
    {"z": (("time", "x"), np.arange(80.0).reshape(40, 2))},
    {"time": ("time", np.arange(40), {"units": "days since 2001-01-01", "calendar": "noleap"})},
)


def test_samples_have_a_training_part_and_times_need_one():
    data = xr.Dataset({"u": (("sample", "time", "x"), np.random.default_rng(0).standard_normal((9, 4, 5)))})
    found = compute_statistics(data, progress=False)
    assert found["over"] == {"sample": [6, 9]}
    assert found["variables"]["u"]["mean"] == pytest.approx(float(data.u[:6].mean()), rel=1e-12)
    assert found["variables"]["u"]["increments"]["1"]["count"] == 6 * 3 * 5
    assert compute_statistics(data, train={"sample": 2}, progress=False)["fingerprint"] != found["fingerprint"]
    with pytest.raises(DataError, match=r"over the training part, which data with \['time', .*say train={'time'"):
        training_part(SERIES, None)


@pytest.mark.parametrize(
    ("part", "places"),
    [(3, range(3)), (0.8, range(32)), (["2001-01-03", "2001-01-05"], range(2, 5)), (slice(38, None), range(38, 40))],
)
def test_a_part_is_a_number_a_share_or_lies_between_two_labels(part, places):
    assert np.flatnonzero(training_part(SERIES, {"time": part})["time"]).tolist() == list(places)


def test_parts_that_are_not_there():
    with pytest.raises(DataError, match=r"names dimensions of the data, got 'tim'"):
        training_part(SERIES, {"tim": 3})
    with pytest.raises(DataError, match=r"holds something, got time=\['2050', '2060'\], which is empty"):
        training_part(SERIES, {"time": ["2050", "2060"]})
    with pytest.raises(DataError, match=r"are written YYYY.*got time=\[spring, 2002\].*correct them"):
        training_part(SERIES, {"time": ["spring", "2002"]})
    for part in ("2001-2002", ["2001"], ["2001", "2002", "2003"]):
        with pytest.raises(DataError, match=r"from a first to a last label, got time=.*say \[first, last\]"):
            training_part(SERIES, {"time": part})
    with pytest.raises(DataError, match=r"shares of a split lie in 0 to 1"):
        training_part(SERIES, {"time": 1.5})


@pytest.mark.parametrize("calendar", ["360_day", "standard"])
@pytest.mark.parametrize("falling", [False, True])
def test_dates_that_xarray_has_decoded_and_times_that_fall(calendar, falling):
    days = np.arange(0.0, 720, 30)[:: -1 if falling else 1]
    times = ("time", days, {"units": "days since 2001-01-01", "calendar": calendar})
    numbers = xr.Dataset({"u": ("time", days)}, {"time": times})
    for data in (numbers, xr.decode_cf(numbers)):
        (mask,) = training_part(data, {"time": ["2001-01", "2001-06"]}).values()
        assert sorted(days[mask]) == (
            [0, 30, 60, 90, 120, 150] if calendar == "360_day" else [0, 30, 60, 90, 120, 150, 180]
        )
