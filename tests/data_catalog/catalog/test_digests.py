import numpy as np
import pytest
import xarray as xr
import zarr

from humboldt.data_catalog import manifest_digest, values_digest
from humboldt.data_catalog.catalog.digests import file_digest


def test_values_have_one_digest_in_every_container(tmp_path):
    data = xr.Dataset({"u": ("x", np.arange(4.0)), "n": ("x", np.arange(4, dtype="i4"))})
    data.to_netcdf(tmp_path / "a.nc")
    data.to_netcdf(tmp_path / "b.nc", encoding={"u": {"zlib": True, "dtype": ">f8"}})
    data.to_zarr(tmp_path / "c.zarr", consolidated=False)
    digests = {values_digest(tmp_path / name) for name in ("a.nc", "b.nc", "c.zarr")}
    assert len(digests) == 1
    data["u"][3] = np.nextafter(3.0, 4.0)
    data.to_netcdf(tmp_path / "d.nc")
    assert values_digest(tmp_path / "d.nc") not in digests


def test_a_manifest_sees_every_byte_and_name(tmp_path):
    zarr.create_group(tmp_path / "a.zarr").create_array("u", data=np.arange(8.0), chunks=(2,))
    first = manifest_digest(tmp_path / "a.zarr")
    chunk = tmp_path / "a.zarr" / "u" / "c" / "1"
    content = chunk.read_bytes()
    chunk.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    assert manifest_digest(tmp_path / "a.zarr") != first
    chunk.write_bytes(content)
    assert manifest_digest(tmp_path / "a.zarr") == first
    chunk.rename(chunk.with_name("9"))
    assert manifest_digest(tmp_path / "a.zarr") != first


@pytest.mark.parametrize(("algorithm", "digest"), [("md5", "900150983cd24fb0d6963f7d28e17f72"), ("sha256", "ba7816bf")])
def test_digests_of_files(tmp_path, algorithm, digest):
    (tmp_path / "a").write_text("abc")
    assert file_digest(tmp_path / "a", algorithm).startswith(digest)
