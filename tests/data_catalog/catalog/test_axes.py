"""The axes of a data set by their names, or by the attributes of CF where names say nothing."""

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import draft
from humboldt.data_catalog.catalog.axes import grid_of, kind_of_axis, reference_system, roles_of

GLOBE = """GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.25]],
 UNIT["degree",0.01745,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]"""
METRES = 'PROJCRS["ETRS89 / LAEA Europe",BASEGEOGCRS["ETRS89",ID["EPSG",4258]],CS[Cartesian,2],ID["EPSG",3035]]'


def named(**attributes):
    """A field whose axes have names that say nothing; `attributes` {axis: those of its coordinate}."""
    dims = ("q", "r", "s")
    coords = {
        name: (name, np.linspace(0, 350, 36) if name == "s" else np.arange(3.0), attributes.get(name, {}))
        for name in dims
    }
    return xr.Dataset({"u": (dims, np.ones((3, 3, 36)))}, coords)


def test_odd_names_are_known_by_their_attributes():
    data = named(
        q={"units": "hours since 2001-01-01", "calendar": "noleap"},
        r={"units": "degrees_north"},
        s={"standard_name": "longitude"},
    )
    assert roles_of(data) == {"time": "q", "space": ["r", "s"]}
    grid = grid_of(data, ["r", "s"])
    assert (grid["type"], grid["periodic"], grid["crs"]) == ("regular_latlon", ["s"], "EPSG:4326")
    assert grid["extent"]["s"] == (0.0, 350.0)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"axis": "T"}, "time"),
        ({"axis": "z"}, "level"),
        ({"positive": "down"}, "level"),
        ({"standard_name": "air_pressure"}, "level"),
        ({"standard_name": "realization"}, "realization"),
        ({"units": "degreesE"}, "longitude"),
        ({"standard_name": "projection_x_coordinate", "units": "m"}, "east"),
        ({"units": "degrees_to_nowhere"}, ""),
        ({}, ""),
    ],
)
def test_each_attribute(attributes, kind):
    assert kind_of_axis(named(q=attributes), "q") == kind


def test_names_come_before_attributes():
    assert kind_of_axis(xr.Dataset(coords={"time": ("time", [0.0], {"axis": "Z"})}), "time") == "time"


@pytest.mark.parametrize(
    ("text", "found"),
    [(GLOBE, ("EPSG:4326", True)), (METRES, ("EPSG:3035", False)), ("LOCAL_CS[]", (None, False)), ("", (None, False))],
)
def test_reference_systems(text, found):
    assert reference_system(xr.Dataset({"crs": ((), 0, {"crs_wkt": text})})) == found


def test_a_map_on_the_globe_and_one_in_metres(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    transform = rasterio.transform.from_origin(-180, 90, 10, 9)
    for name, crs in (("globe.tif", "EPSG:4326"), ("metres.tif", "EPSG:3035")):
        choices = {"driver": "GTiff", "height": 20, "width": 36, "count": 1, "dtype": "int16", "nodata": -9}
        with rasterio.open(tmp_path / name, "w", crs=crs, transform=transform, **choices) as file:
            file.write(np.arange(720, dtype="i2").reshape(1, 20, 36))
    globe, metres = (draft(tmp_path / name)["grid"] for name in ("globe.tif", "metres.tif"))
    assert (globe["type"], globe["crs"], globe["periodic"]) == ("regular_latlon", "EPSG:4326", ["x"])
    assert (metres["type"], metres["crs"], metres["periodic"]) == ("cartesian", "EPSG:3035", [])
