import numpy as np
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import VirtualSpecies
from humboldt.finetune import Recipe, fit
from tests.domains.biodiversity.distribution.small import network


def test_a_number_always_makes_the_same_region_and_parts_share_none() -> None:
    data = VirtualSpecies(100, species=2, seed=1)
    first, again = data.batch([3]), data.batch([3])
    assert torch.equal(first.presence, again.presence)
    assert torch.equal(first.target, again.target)
    assert not torch.equal(
        first.background, data.split("validation").batch([3]).background[:, :, : first.kind.shape[1]]
    )
    with pytest.raises(ValueError, match=r"parts \['train', 'validation', 'test'\], got 'dev'"):
        data.split("dev")
    with pytest.raises(DataError, match="at least one in one region, got 0 in 5"):
        VirtualSpecies(5, species=0)


def test_absences_are_where_the_species_is_unlikely() -> None:
    data, gaps = VirtualSpecies(200, species=4, seed=2), []
    for index in range(60):
        batch = data.batch([index])
        if batch.contrast_kind[0] == 2:
            counted = batch.contrast_weight[0].sum(1)
            assert (counted > 0).all()
            gaps.append(float((counted / batch.contrast.shape[1]).mean()))
    assert 3 < len(gaps) < 30
    assert np.mean(gaps) > 0.5


def test_training_lowers_the_loss() -> None:
    data = VirtualSpecies(40, species=4, seed=0)
    held = VirtualSpecies(8, species=4, seed=9).batch(range(8))
    start = network()
    recipe = Recipe(steps=30, batch_size=2, core_rate=5e-3, embedding_rate=5e-3, norm_rate=5e-3)
    tuned = fit(start, data, None, recipe, progress=False)
    assert tuned.loss(held) < start.loss(held) - 0.1
