import json
import logging

import jsonschema
import pystac
import pytest
import yaml
from pystac.extensions.datacube import (
    AdditionalDimension,
    DatacubeExtension,
    Dimension,
    HorizontalSpatialDimension,
    TemporalDimension,
)
from pystac.extensions.file import FileExtension
from pystac.extensions.scientific import ScientificExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from humboldt.data_catalog import DataError, card, export_entry, load_catalog, parse_entry
from humboldt.data_catalog.catalog.stac import bounds, interval
from tests.data_catalog.small_entries import TEXT, entry

CATALOG = load_catalog()
FREE = [entry for entry in CATALOG if entry.redistribution != "forbidden"]
EARTHLY = [e for e in FREE if e.grid and e.grid.type in ("regular_latlon", "points")]


def croissant_of(one):
    import mlcroissant

    logging.getLogger("absl").setLevel(logging.ERROR)
    return mlcroissant.Dataset(jsonld=json.loads(export_entry(one, "croissant")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("one", FREE, ids=lambda one: one.id)
def test_croissant_finds_no_error_in_any_entry(one):
    dataset = croissant_of(one)
    assert list(dataset.metadata.ctx.issues.errors) == []
    assert [row["variables/name"] for row in dataset.records("variables")] == list(one.variables)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_holds_files_checksums_units_and_parts():
    guacamol = json.loads(export_entry(CATALOG.find("graphs.guacamol"), "croissant"))
    assert guacamol["license"] == "https://spdx.org/licenses/CC-BY-SA-3.0.html"
    assert guacamol["distribution"][0]["md5"] == "05ad85d871958a05c02ab51a4fde8530"
    dataset = croissant_of(parse_entry(TEXT))
    (first, _) = dataset.records("variables")
    assert first["variables/units"] == "m s-1"
    assert first["variables/levels"] == "500 850"
    labels = {row["splits/name"]: row["splits/labels"] for row in dataset.records("splits")}
    assert labels == {"train": "2001-01-01 to 2001-06-30", "test": "2001-07-11 to 2001-12-31"}
    (recipe,) = croissant_of(CATALOG.find("graphs.generated-trees")).records("recipe")
    assert recipe["recipe/seed"] == "2001"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["graphs.guacamol", "weather.era5-weatherbench2-64x32"])
def test_croissant_says_where_a_size_is_not_known(name):
    for file in json.loads(export_entry(CATALOG.find(name), "croissant"))["distribution"]:
        assert ("contentSize" in file) != (file.get("description") == "How large it is is not published.")


@pytest.mark.parametrize("one", EARTHLY, ids=lambda one: one.id)
def test_stac_collections_are_valid(one):
    exported = json.loads(export_entry(one, "stac"))
    JsonSchemaSTACValidator().validate_core(exported, pystac.STACObjectType.COLLECTION, "1.1.0")
    assert set(exported["cube:variables"]) == set(one.variables)
    for variable in exported["cube:variables"].values():
        assert set(variable["dimensions"]) <= set(exported["cube:dimensions"])


@pytest.mark.parametrize("one", EARTHLY, ids=lambda one: one.id)
def test_extensions_of_stac_are_what_pystac_makes_of_them(one):
    collection = pystac.Collection.from_dict(json.loads(export_entry(one, "stac")))
    cube = DatacubeExtension.ext(collection)
    for name, dimension in cube.dimensions.items():
        assert type(dimension) is not Dimension, name
        if isinstance(dimension, HorizontalSpatialDimension):
            assert dimension.axis in ("x", "y")
        if isinstance(dimension, HorizontalSpatialDimension | TemporalDimension):
            assert len(dimension.extent) == 2
        if isinstance(dimension, AdditionalDimension):
            assert dimension.values
    axes = [d.axis for d in cube.dimensions.values() if isinstance(d, HorizontalSpatialDimension)]
    assert len(axes) == len(set(axes))
    for name, variable in cube.variables.items():
        assert variable.var_type in ("data", "auxiliary")
        assert variable.unit == one.variables[name].units
    assert ScientificExtension.ext(collection).doi == one.citation.doi
    for asset in collection.assets.values():
        digest = FileExtension.ext(asset).checksum
        assert digest is None or (digest.startswith("1220") and len(digest) == 68)
        bands = asset.extra_fields.get("bands")
        assert bands is None or [band["name"] for band in bands] == list(one.variables)


DOI = {"type": "string", "pattern": r"^10\.[0-9a-zA-Z]{4,}/\S+$"}
LIMITS = {"type": "array", "minItems": 2, "maxItems": 2}
NUMBERS = {**LIMITS, "items": {"type": "number"}}
NO_AXIS = {"not": {"required": ["axis"]}}


def one_of(kind: str, *required: str, **fields: object) -> dict[str, object]:
    """The rule for a dimension of a type."""
    return {"required": ["type", *required], "properties": {"type": {"const": kind}, **fields}}


RULES = {
    "required": ["cube:dimensions", "cube:variables", "sci:citation", "stac_extensions"],
    "propertyNames": {"pattern": "^(?!(sci|cube|file):)|^sci:(doi|citation)$|^cube:(dimensions|variables)$"},
    "properties": {
        "sci:doi": DOI,
        "sci:citation": {"type": "string", "minLength": 1},
        "cube:dimensions": {
            "additionalProperties": {
                "oneOf": [
                    one_of("spatial", "axis", "extent", axis={"enum": ["x", "y"]}, extent=NUMBERS),
                    one_of("temporal", "extent", extent={**LIMITS, "items": {"type": ["string", "null"]}}) | NO_AXIS,
                    one_of("other", "values", values={"type": "array", "minItems": 1}) | NO_AXIS,
                ]
            }
        },
        "cube:variables": {
            "additionalProperties": {
                "required": ["dimensions", "type"],
                "properties": {
                    "dimensions": {"type": "array", "items": {"type": "string"}},
                    "type": {"enum": ["data", "auxiliary"]},
                    "unit": {"type": "string"},
                    "description": {"type": "string"},
                },
                "additionalProperties": False,
            }
        },
        "assets": {
            "additionalProperties": {
                "required": ["href"],
                "properties": {
                    "file:size": {"type": "integer", "minimum": 0},
                    "file:checksum": {"type": "string", "pattern": "^1220[a-f0-9]{64}$"},
                },
            }
        },
    },
}
"""What the datacube, scientific and file extensions ask of a collection, as their texts say it, for a check offline."""


@pytest.mark.parametrize("one", EARTHLY, ids=lambda one: one.id)
def test_collections_keep_the_rules_of_their_extensions(one):
    jsonschema.validate(json.loads(export_entry(one, "stac")), RULES, jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("cube:dimensions", "longitude", "axis"), "w"),
        (("cube:dimensions", "longitude", "extent"), [0]),
        (("cube:dimensions", "time", "type"), "when"),
        (("cube:variables", "geopotential", "type"), "field"),
        (("sci:doi",), "doi:10.1029/2023MS004019"),
    ],
    ids=str,
)
def test_the_rules_find_what_breaks_them(path, value):
    exported = json.loads(export_entry(CATALOG.find("weather.era5-weatherbench2-64x32"), "stac"))
    part = exported
    for name in path[:-1]:
        part = part[name]
    assert path[-1] in part
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(exported, RULES, jsonschema.Draft7Validator)


def test_stac_says_where_and_when():
    era5 = json.loads(export_entry(CATALOG.find("weather.era5-weatherbench2-64x32"), "stac"))
    assert era5["extent"]["spatial"]["bbox"] == [[-180.0, -87.1875, 180.0, 87.1875]]
    assert era5["extent"]["temporal"]["interval"] == [["1979-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]]
    assert era5["assets"]["data"]["href"].startswith("gs://weatherbench2/")
    assert era5["sci:doi"] == "10.1029/2023MS004019"
    assert interval(parse_entry(TEXT)) == [None, None]  # dates without leap days are not civil ones


@pytest.mark.parametrize(
    ("extent", "box"),
    [
        ({"lat": (72, 32), "lon": (-25, 45)}, [-25, 32, 45, 72]),
        ({"lat": (0, 10), "lon": (200, 220)}, [-160, 0, -140, 10]),
        ({"lat": (0, 10), "lon": (170, 190)}, [170, 0, -170, 10]),
        ({}, [-180, -90, 180, 90]),
    ],
)
def test_boxes_are_in_longitudes_from_minus_180(extent, box):
    grid = entry(dims={"space": ["lat", "lon"]}, grid={"type": "regular_latlon", "extent": extent}).grid
    assert grid is not None
    assert bounds(grid) == box


def test_axes_may_be_written_with_capitals():
    grid = {"type": "regular_latlon", "extent": {"Latitude": [60, -60], "Longitude": [10, 20]}}
    told = json.loads(
        export_entry(entry(id="weather.small", dims={"space": ["Latitude", "Longitude"]}, grid=grid), "stac")
    )
    assert told["extent"]["spatial"]["bbox"] == [[10, -60, 20, 60]]
    assert {name: dim["axis"] for name, dim in told["cube:dimensions"].items()} == {"Latitude": "y", "Longitude": "x"}


def test_what_lies_nowhere_on_earth():
    with pytest.raises(DataError, match=r"STAC describes places on Earth, got pde\.burgers2d with cartesian"):
        export_entry(CATALOG.find("pde.burgers2d"), "stac")


@pytest.mark.parametrize("kind", ["croissant", "stac", "card"])
def test_what_may_not_be_passed_on_is_not_exported(kind):
    with pytest.raises(DataError, match=r"worldclim-10m \(LicenseRef-WorldClim\) forbid redistribution"):
        export_entry(CATALOG.find("biodiversity.worldclim-10m"), kind)


def test_unknown_formats_get_the_nearest():
    with pytest.raises(DataError, match="got 'croisant'; did you mean 'croissant'"):
        export_entry(entry(), "croisant")


def test_a_card_leaves_nothing_out():
    text = card(parse_entry(TEXT))
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] == "cc-by-4.0"
    assert front["humboldt"] == {"id": "weather.small", "version": "1.0.0"}
    for said in ("https://doi.org/10.5281/zenodo.1", "| u | m s-1 | eastward_wind | state | pressure |", "500 850"):
        assert said in text
    assert "| a.nc | https://example.org/a.nc | 0.0 MB | unknown |" in text
    assert "checked to be disjoint" in text
    sections = text.split("\n## ")[1:]
    assert all(section.partition("\n")[2].strip() for section in sections)


@pytest.mark.parametrize("one", CATALOG, ids=lambda one: one.id)
def test_every_entry_has_a_card(one):
    text = card(one)
    assert all(section.partition("\n")[2].strip() for section in text.split("\n## ")[1:])
    assert "None" not in text
