"""What a model is of is told by its configuration, and what data are of by how they come."""

import pandas as pd
import pytest
import torch

import humboldt
from humboldt.domains.biodiversity import Biodiversity, build
from humboldt.domains.biodiversity.distribution import VirtualSpecies, biodiversity_nano
from humboldt.domains.biodiversity.populations import open_counts, populations_nano
from humboldt.domains.biodiversity.subjects import SUBJECTS, subject
from humboldt.foundations import to_dict
from tests.domains.biodiversity.small_bioanalyst import small


def counts(sites: int = 6) -> pd.DataFrame:
    rows = [(f"s{i}", 2000 + j, 5 + 3 * i + 2 * j) for i in range(sites) for j in range(4)]
    return pd.DataFrame(rows, columns=["site", "year", "count"])


@pytest.mark.parametrize("config", [small(), biodiversity_nano(), populations_nano()], ids=lambda c: type(c).__name__)
def test_checkpoints_say_what_their_model_is_of(config):
    made = build(to_dict(config))
    assert made.config == config
    assert subject(made).config is type(config)
    fields = set(to_dict(config))
    assert [one.config for one in SUBJECTS if one.told_by in fields] == [type(config)]


def test_tables_are_counts():
    assert Biodiversity().open(counts(), split="test", sites=2).part == "test"
    assert len(Biodiversity().open(counts(), split={"train": 2, "test": 1}, sites=2).split("test")) == 6
    with pytest.raises(ValueError, match="site"):
        Biodiversity().open(counts(), sitez=2)


def test_a_model_of_populations_is_tuned_to_counts_and_scored_on_them():
    every_other = counts().assign(count=lambda t: t["count"] * (1 + 3 * (t["year"] % 2)))
    data = open_counts(every_other, sites=2, split={"train": 2, "test": 1})
    start = humboldt.from_pretrained("humboldt/populations-nano")
    before = humboldt.evaluate(start, data)
    tuned = humboldt.finetune(start, data, steps=150, batch_size=4, seed=0, progress=False)
    after = humboldt.evaluate(tuned, data)
    first, second = (float(s["rmse_log"].sel(forecast="model").mean()) for s in (before, after))
    assert second < 0.6 * first
    assert tuned.provenance["data"]["train"]["populations"] == 2
    assert humboldt.predict(tuned, counts(), [2.0])["year"].unique().tolist() == [2005]


def test_other_data_are_refused():
    start = humboldt.from_pretrained("humboldt/populations-nano")
    with pytest.raises(ValueError, match="reads counts by site and year, got regions with records of species; take a"):
        Biodiversity().arranged(VirtualSpecies(2), start)
    for config in (biodiversity_nano(), small()):
        with pytest.raises(ValueError, match="got counts by site and year; take a model of them, or other data"):
            humboldt.finetune(build(config), counts(), opening={"sites": 2}, steps=1, progress=False)
        with pytest.raises(ValueError, match="got counts by site and year; take a model of them, or other data"):
            humboldt.evaluate(build(config), open_counts(counts(), sites=2))
    with pytest.raises(ValueError, match="counts are not cut, got along='site'"):
        Biodiversity().pieces(start, counts(), along="site")


def test_several_species_are_forecast_each_by_itself():
    start = humboldt.from_pretrained("humboldt/populations-nano")
    both = pd.concat([counts().assign(species="wren"), counts().assign(species="lark", count=lambda t: 3 * t["count"])])
    found = humboldt.predict(start, both, [1.0, 3.0])
    assert list(found) == ["species", "site", "year", "mean", "lower", "upper"]
    for name, part in found.groupby("species"):
        alone = humboldt.predict(start, both[both["species"] == name].drop(columns="species"), [1.0, 3.0])
        pd.testing.assert_frame_equal(part.drop(columns="species").reset_index(drop=True), alone)
    assert set(found["species"]) == {"wren", "lark"}


def test_feature_transfer_looks_at_counts_through_its_teacher():
    from humboldt.view import Taught

    start = humboldt.from_pretrained("humboldt/populations-nano")
    lesson = Taught(open_counts(counts(), sites=2, split={"train": 2, "test": 1}), start)
    tuned = humboldt.finetune(start, lesson, method={"name": "aft", "width": 64}, steps=2, batch_size=4, progress=False)
    moved = [not torch.equal(a, b) for a, b in zip(start.parameters(), tuned.parameters(), strict=True)]
    assert any(moved)
