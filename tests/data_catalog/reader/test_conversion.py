"""Decoding, units and normalisation in one pass give what xarray and arithmetic give."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from humboldt.data_catalog import Conversion, DataError, cf_conversion
from humboldt.data_catalog.reader.conversion import Counted

CF: dict[str, tuple[str, dict[str, Any]]] = {
    "packed": ("i2", {"scale_factor": 0.01, "add_offset": 273.15, "_FillValue": -999}),
    "two absent": ("f4", {"_FillValue": np.float32(1e20), "missing_value": np.float32(-5)}),
    "unsigned": ("i1", {"_Unsigned": "true", "_FillValue": np.int8(-1), "scale_factor": 0.5}),
    "wide": ("i4", {"scale_factor": 1e-3, "add_offset": 1e5}),
    "nan": ("f8", {"_FillValue": np.nan}),
}


@pytest.mark.filterwarnings("ignore:.*multiple fill values")
@pytest.mark.parametrize("name", CF)
def test_cf_attributes_are_applied_as_xarray_does(name):
    dtype, attrs = CF[name]
    stored = np.array([-999, -5, -1, 0, 1, 7, 100, 120]).astype(dtype)
    stored[0] = attrs.get("_FillValue", stored[0])
    expected = xr.decode_cf(xr.Dataset({"u": ("x", stored, attrs)})).u.values.astype("f4")
    found = np.empty(stored.shape, "f4")
    cf_conversion(attrs, stored.dtype).apply(stored, found)
    np.testing.assert_allclose(found, expected, rtol=3e-7)


@given(shift=st.floats(-1e3, 1e3), factor=st.floats(0.01, 100), offset=st.floats(-1e3, 1e3), scale=st.floats(0.01, 9))
def test_what_comes_after_is_added_to_the_same_pass(shift, factor, offset, scale):
    values = np.linspace(-50, 50, 11)
    first = Conversion(shift=shift, factor=factor)
    both = np.empty(11, "f8")
    first.then(shift=offset, factor=scale).apply(values, both)
    expected = ((values - shift) * factor - offset) * scale
    np.testing.assert_allclose(both, expected, rtol=1e-9, atol=1e-9 * scale * (abs(offset) + factor * 1e3))


def test_small_differences_of_large_numbers_survive():
    pressure = np.array([101325.0, 101325.5])
    found = np.empty(2, "f4")
    Conversion(shift=101325.0, factor=1e3).apply(pressure, found)
    assert found.tolist() == [0.0, 500.0]


def test_a_scale_of_zero_is_refused():
    with pytest.raises(DataError, match=r"the factor is not 0, got 0\.0 and 1\.0"):
        cf_conversion({"scale_factor": 0, "add_offset": 1}, np.dtype("i2"))


@pytest.mark.parametrize("conversion", [Conversion(shift=2.0, factor=3.0), Conversion(factor=3.0), Conversion()])
def test_values_are_converted_where_they_lie(conversion):
    stored = np.array([1, -9, 4], "f4")
    marked = Conversion(shift=conversion.shift, factor=conversion.factor, missing=(-9.0, 6.0))
    expected = np.empty(3, "f4")
    marked.apply(stored, expected)
    assert np.isnan(expected).tolist() == [False, True, False]
    marked.apply(stored, stored)
    np.testing.assert_array_equal(stored, expected)


def test_finite_values_are_counted_where_all_are():
    counted, out = Counted(Conversion(factor=2.0, missing=(7.0,))), np.empty(4, "f4")
    counted.apply(np.arange(4.0, dtype="f4"), out)
    assert (counted.finite, out.tolist()) == (4, [0, 2, 4, 6])
    counted.apply(np.array([1, 7, 2, 3], "f4"), out)
    counted.apply(np.array([1, np.inf, 2, 3], "f4"), out)
    assert counted.finite == 4
