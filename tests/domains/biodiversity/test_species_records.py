import numpy as np
import pandas as pd
import pytest
import xarray as xr

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import SpeciesRecords


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUMBOLDT_DATA", str(folder))
        data = humboldt.open("biodiversity.generated-virtual-species")
    return data, next(folder.rglob("environment.nc")).parent


def test_the_generated_species_of_the_catalog_are_opened_by_name(made):
    data, folder = made
    assert isinstance(data, SpeciesRecords)
    assert data.environment.names == ("elevation", "temperature", "precipitation")
    truth = xr.open_dataset(folder / "environment.nc")
    record = data.occurrences.iloc[7]
    place = {"latitude": record.decimalLatitude, "longitude": record.decimalLongitude}
    expected = truth.sel(place, method="nearest")
    found = data.environment.extract([record.decimalLongitude], [record.decimalLatitude]).iloc[0]
    assert found["temperature"] == pytest.approx(float(expected.temperature))
    assert set(data.occurrences.scientificName) == set(truth.species.values)


def test_surveys_say_where_species_are_and_where_they_are_not(made):
    data, folder = made
    wide = pd.read_csv(folder / "surveys.csv")
    surveys = data.split("test")
    assert len(surveys) == 400 * 8
    counted = surveys.groupby("scientificName")["present"].sum()
    assert np.array_equal(counted.values, wide.iloc[:, 3:].sum().values)
    assert data.split("train") is data.occurrences
    assert "3200 rows of surveys" in repr(data)
    part = humboldt.open(folder, domain="biodiversity", split="test")
    pd.testing.assert_frame_equal(part, surveys)
    with pytest.raises(ValueError, match="'train' and, with surveys, 'test', got 'validation'"):
        data.split("validation")


def test_other_values_than_0_and_1_are_refused(made, tmp_path):
    for name in ("environment.nc", "occurrences.csv"):
        (tmp_path / name).write_bytes((made[1] / name).read_bytes())
    assert humboldt.open(tmp_path, domain="biodiversity").surveys is None
    (tmp_path / "surveys.csv").write_text("decimalLatitude,decimalLongitude,A_b\n31,2,1\n32,2,\n33,2,2\n")
    with pytest.raises(DataError, match=r"surveys say 0 or 1 for each species, or nothing, got 2\.0 for A_b"):
        humboldt.open(tmp_path, domain="biodiversity")
    (tmp_path / "surveys.csv").write_text("lat,decimalLongitude,A_b\n31,2,1\n")
    with pytest.raises(DataError, match="surveys have the columns decimalLatitude and decimalLongitude"):
        humboldt.open(tmp_path, domain="biodiversity")
