import dataclasses

import pytest
import torch

from humboldt.domains.biodiversity.distribution import VirtualSpecies
from humboldt.domains.biodiversity.distribution.batch import joined
from tests.domains.biodiversity.distribution.small import network


def test_a_region_is_answered_alike_alone_and_beside_others() -> None:
    data, model = VirtualSpecies(10, species=3, seed=4), network()
    alone = model(data.batch([2])).logit
    together = model(data.batch([1, 2, 5])).logit
    torch.testing.assert_close(together[1:2], alone, atol=1e-4, rtol=1e-4)


def test_the_order_of_variables_and_of_presences_does_not_matter() -> None:
    batch, model = VirtualSpecies(10, species=2, seed=4).batch([0]), network()
    order = torch.randperm(batch.kind.shape[1], generator=torch.Generator().manual_seed(0))
    turned = {
        name: getattr(batch, name)[..., order] for name in ("kind", "background", "presence", "contrast", "query")
    }
    turned["presence"] = turned["presence"].flip(2)
    other = dataclasses.replace(batch, **turned, presence_weight=batch.presence_weight.flip(2))
    ours, theirs = model(batch).logit, model(other).logit
    assert ours.std() > 1e-3
    torch.testing.assert_close(theirs, ours, atol=2e-3, rtol=1e-3)


def test_a_batch_without_presences_or_with_other_variables_is_refused() -> None:
    batch = VirtualSpecies(10, species=2).batch([0])
    none = batch.presence_weight.clone()
    none[0, 1] = 0
    with pytest.raises(ValueError, match="at least one point of presence, got none for species 1"):
        dataclasses.replace(batch, presence_weight=none)
    with pytest.raises(
        ValueError, match=r"all points have the same variables, got .*extract them from the same layers"
    ):
        batch.with_query(batch.query[..., 1:])


def test_regions_with_different_numbers_of_species_are_not_joined() -> None:
    parts = [VirtualSpecies(10, species=n).batch([0]) for n in (2, 3)]
    with pytest.raises(ValueError, match=r"as many species each, got \[2, 3\]"):
        joined(parts)


def test_without_a_season_all_presences_count_and_beside_seasons_they_still_do() -> None:
    data, model = VirtualSpecies(40, species=2, seed=4), network()
    drawn = [data.batch([i]) for i in range(40)]
    seasonal = next(b for b in drawn if b.season is not None)
    plain = next(b for b in drawn if b.season is None)
    assert torch.equal(plain.in_season, plain.presence_weight)
    everything = dataclasses.replace(plain, season=torch.ones_like(plain.presence_weight))
    torch.testing.assert_close(model(everything).logit, model(plain).logit)
    together = model(joined([seasonal, plain])).logit
    torch.testing.assert_close(together[1:], model(plain).logit, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together[:1], model(seasonal).logit, atol=1e-4, rtol=1e-4)
