"""Tables of counts as data to adapt to."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.populations import open_counts


def table(sites: int = 6, years: int = 4, species: tuple[str, ...] = ()) -> pd.DataFrame:
    """Counts of 100 site + 10 species + year, so that every number says where it is from."""
    rows = [
        {"site": f"s{i}", "year": 2000 + j, "species": name, "count": 100 * i + 10 * k + j}
        for i in range(sites)
        for j in range(years)
        for k, name in enumerate(species or ("counts",))
    ]
    made = pd.DataFrame(rows)
    return made if species else made.drop(columns="species")


def test_samples_hold_the_past_and_ask_for_what_came() -> None:
    data = open_counts(table(), sites=6, split={"train": 1})
    assert data.samples == ((0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 1, 1), (0, 1, 2), (0, 2, 1))
    batch = data.batch([4, 1])
    assert batch.horizon.tolist() == [2, 2]
    assert batch.counts[0, 3, -2:].tolist() == [300, 301]
    assert batch.counted[0].sum(0).tolist() == [0] * 14 + [6, 6]
    assert batch.counted[1].sum(0).tolist() == [0] * 15 + [6]
    assert batch.target is not None
    assert batch.target[0].tolist() == [3, 103, 203, 303, 403, 503]
    assert batch.target[1].tolist() == [2, 102, 202, 302, 402, 502]


def test_a_population_is_a_species_at_a_group_of_sites() -> None:
    data = open_counts(table(5, 2, ("wren", "lark")), sites=2, split={"train": 1, "validation": 1, "test": 1})
    assert data.names == tuple(
        f"{bird}, sites {sites}" for sites in ("1 to 2", "3 to 4", "5 to 5") for bird in ("wren", "lark")
    )
    held = data.split("test")
    assert (held.units, held.groups[held.numbers[0]]) == (2, 2)
    batch = held.batch([1])
    assert batch.counted[0, :, -1].tolist() == [True, False]
    assert batch.counts[0, 0, -1] == 410
    assert batch.target is not None
    assert torch.isnan(batch.target[0, 1])
    of_train = {float(c) for c in data.split("train").batch([0, 1]).seen.flatten() if c > 0}
    assert of_train == {10.0, 100.0, 110.0}


def test_years_without_counts_are_neither_read_from_nor_asked_for() -> None:
    counts = table(3, 5)
    counts.loc[counts["year"] == 2002, "count"] = np.nan
    data = open_counts(counts, split={"train": 1})
    assert data.samples == ((0, 0, 1), (0, 0, 3), (0, 0, 4), (0, 1, 2), (0, 1, 3), (0, 3, 1))
    assert not data.batch([5]).counted[0, :3, -2].any()


def test_populations_that_nothing_can_be_learned_from_are_in_no_part() -> None:
    counts = table(4, 3, ("wren", "lark"))
    counts.loc[(counts["species"] == "lark") & counts["site"].isin(["s0", "s1"]), "count"] = 0
    data = open_counts(counts, sites=2, split={"train": 1, "test": 1})
    train = data.split("train")
    assert [data.names[p] for p in train.numbers] == ["wren, sites 1 to 2"]
    with pytest.raises(DataError, match="this part has 1 populations, got 2; take 1 to 1"):
        train.take(2)
    assert data.split("test").take(1).units == 1
    assert data.split("test").choose([1]).names[data.split("test").choose([1]).numbers[0]] == "lark, sites 3 to 4"


def test_only_sixteen_years_back_and_eight_ahead() -> None:
    data = open_counts(table(2, 30), split={"train": 1})
    last = max(data.samples)
    assert last == (0, 28, 1)
    assert max(ahead for *_, ahead in data.samples) == 8
    batch = data.batch([len(data) - 1])
    assert batch.counts[0, 1].tolist() == list(range(113, 129))


def test_a_file_and_its_table_are_the_same_but_for_the_name(tmp_path: Path) -> None:
    path = tmp_path / "birds.csv"
    table().rename(columns={"site": "square", "count": "n"}).to_csv(path, index=False)
    read = open_counts(path, site="square", count="n")
    assert (read.counts == open_counts(table()).counts)[~np.isnan(read.counts)].all()
    about, other = read.describe(), open_counts(table()).describe()
    assert about["source"] == "birds.csv"
    assert about["fingerprint"] == other["fingerprint"]
    changed = table()
    changed.loc[3, "count"] = 7
    assert open_counts(changed).describe()["fingerprint"] != about["fingerprint"]
    assert about["years"] == [2000, 2003]


def test_refusals_say_rule_value_and_cure() -> None:
    with pytest.raises(DataError, match="got two rows of s0 in 2000; add them up first, or name the column of species"):
        open_counts(pd.concat([table(), table()]))
    with pytest.raises(DataError, match=r"counts have the columns .* without 'count'; did you mean 'counts'"):
        open_counts(table().rename(columns={"count": "counts"}))
    with pytest.raises(DataError, match="at most 8 years on, got none in the years 2000 to 2000; add years"):
        open_counts(table(3, 1))
    with pytest.raises(DataError, match="a group has 1 site at least, got sites=0"):
        open_counts(table(), sites=0)
    with pytest.raises(DataError, match="this split has no validation part"):
        open_counts(table()).split("validation")
