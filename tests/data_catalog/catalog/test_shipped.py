import pytest
import xarray as xr

from humboldt.data_catalog import DataError, example
from humboldt.data_catalog.catalog.shipped import FOLDER


def test_every_example_opens_and_is_described():
    described = (FOLDER / "README.md").read_text()
    names = [path.stem for path in FOLDER.glob("*.nc")]
    assert {"burgers2d", "storm1996_usa"} <= set(names)
    for name in names:
        assert name in described
        with xr.open_dataset(example(name)) as data:
            assert all(variable.notnull().any() for variable in data.isel(sample=0, missing_dims="ignore").values())


def test_an_unknown_example_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"examples are \['burgers2d'.*got 'burgers'.*burgers2d"):
        example("burgers")
