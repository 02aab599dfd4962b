import numpy as np
import pandas as pd
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, open_contents
from tests.data_catalog.source_files import runs


def test_tables_archives_and_stores(tmp_path):
    frame = pd.DataFrame({"smiles": ["C", "CC"], "logp": [0.5, 1.5]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv.gz", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.tsv.gz", "a.parquet"):
        found = open_contents(tmp_path / name)
        assert list(found["logp"].values) == [0.5, 1.5]
        assert list(found["smiles"].values) == ["C", "CC"]
    np.savez(tmp_path / "a.npz", edges=np.eye(2))
    assert open_contents(tmp_path / "a.npz")["edges"].shape == (2, 2)
    xr.Dataset({"u": ("x", [1.0])}).to_netcdf(tmp_path / "u.nc")
    assert open_contents(tmp_path / "u.nc")["u"].values == 1.0


def test_a_folder_is_one_dataset(tmp_path):
    pd.DataFrame({"site": [1, 2, 3]}).to_csv(tmp_path / "sites.csv", index=False)
    pd.DataFrame({"record": [1, 2]}).to_csv(tmp_path / "records.csv", index=False)
    xr.Dataset({"u": ("x", [1.0])}, attrs={"license": "CC0-1.0"}).to_netcdf(tmp_path / "u.nc")
    found = open_contents(tmp_path)
    assert dict(found.sizes) == {"sites_row": 3, "records_row": 2, "x": 1}
    assert found.attrs["license"] == "CC0-1.0"


def test_runs_in_a_folder_are_samples_and_all_of_them_count(tmp_path, caplog):
    paths = runs(tmp_path / "runs", count=12)  # run_10 comes behind run_9, as where they are opened
    found = open_contents(tmp_path / "runs")
    assert found.u.dims == ("sample", "time", "x")
    assert np.array_equal(found.u.values, np.stack([xr.open_dataset(path).u.values for path in paths]))
    assert not caplog.text
    xr.Dataset({"u": ("y", [1.0])}).to_netcdf(tmp_path / "runs" / "run_99.nc")
    assert open_contents(tmp_path / "runs").u.dims == ("time", "x")
    assert "runs are not joined, and of equal names the first is described: files" in caplog.text


def test_maps_in_a_folder(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    for month in (1, 2, 10):
        choices = {"driver": "GTiff", "height": 4, "width": 6, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
        place = rasterio.transform.from_origin(0, 40, 10, 10)
        with rasterio.open(tmp_path / f"rain_{month}.tif", "w", transform=place, **choices) as file:
            file.write(np.full((1, 4, 6), month, np.float32))
    assert open_contents(tmp_path).band_1[:, 1, 2].values.tolist() == [1, 2, 10]


@pytest.mark.parametrize(
    ("name", "message"), [("a.csv", "a table is CSV"), ("a.npz", "is .npz"), ("a.nc", "cannot be read")]
)
def test_what_cannot_be_read(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"" if name == "a.csv" else b"\x00\x01")
    with pytest.raises(DataError, match=message):
        open_contents(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        open_contents(tmp_path / "nowhere.nc")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"without any"):
        open_contents(tmp_path / "empty")


def test_pickles_in_an_archive_are_not_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"is .npz"):
        open_contents(tmp_path / "a.npz")
