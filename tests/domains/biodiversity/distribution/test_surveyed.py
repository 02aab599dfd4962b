from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import read_region, read_regions


def write(folder: Path, seed: int = 0) -> None:
    """A region of 30 background points, 40 sites and two species of two groups, one looked for at half of the sites."""
    random = np.random.default_rng(seed)

    def points(number: int) -> pd.DataFrame:
        return pd.DataFrame(random.normal(size=(number, 4)), columns=["x", "y", "warm", "wet"])

    folder.mkdir()
    names = np.repeat(["a1", "b1"], 12)
    points(24).assign(siteid=range(24), spid=names, group=np.repeat(["bird", "plant"], 12)).to_parquet(
        folder / "train_presence.parquet"
    )
    points(400).assign(siteid=range(400)).to_parquet(folder / "train_background.parquet")
    group = np.repeat(["bird", "plant"], 20)
    points(40).assign(siteid=range(40), group=group).to_parquet(folder / "test_env.parquet")
    seen = pd.DataFrame(
        {"group": group, "siteid": range(40), "a1": random.integers(0, 2, 40), "b1": random.integers(0, 2, 40)}
    )
    seen = seen.astype({"a1": "Int64", "b1": "Int64"})
    seen.loc[20:, "a1"], seen.loc[:19, "b1"] = pd.NA, pd.NA
    seen.to_parquet(folder / "test_pa.parquet")


def test_a_region_knows_its_species_groups_and_sites(tmp_path: Path) -> None:
    write(tmp_path / "one")
    region = read_region(tmp_path / "one")
    assert (region.variables, region.species, region.group("b1")) == (["warm", "wet"], ["a1", "b1"], "plant")
    assert region.members("bird") == ["a1"]
    sites, seen = region.test("a1")
    assert len(sites) == 20
    assert set(sites["group"]) == {"bird"}
    assert set(seen) <= {0, 1}
    assert len(region.target_group("plant")) == 12


def test_a_region_can_be_left_out(tmp_path: Path) -> None:
    write(tmp_path / "one")
    write(tmp_path / "two", 1)
    assert [r.name for r in read_regions(tmp_path, without="one")] == ["two"]
    with pytest.raises(DataError, match=r"\['one', 'two'\], got 'tow' to leave out.*did you mean"):
        read_regions(tmp_path, without="tow")
    (tmp_path / "two" / "train_background.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="got no train_background in"):
        read_region(tmp_path / "two")
