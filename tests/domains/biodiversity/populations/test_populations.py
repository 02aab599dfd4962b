"""The parts of the network of populations, on numbers that can be worked out by hand."""

import math

import numpy as np
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import Biodiversity
from humboldt.domains.biodiversity.populations import (
    CountBatch,
    CountForecast,
    VirtualPopulations,
    build_populations,
    populations_nano,
)
from humboldt.domains.biodiversity.populations.embed import site_levels, year_effects
from humboldt.domains.biodiversity.populations.heads import log_likelihood
from humboldt.domains.biodiversity.populations.virtual import expected, visits
from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model, to_dict


def two_sites(last: float = 6.0) -> CountBatch:
    counts = torch.tensor([[[2.0, 4.0, last], [10.0, 99.0, 30.0]]])
    counted = torch.tensor([[[True, True, True], [True, False, True]]])
    return CountBatch(counts, counted, torch.tensor([1.0]), torch.tensor([[5.0, torch.nan]]))


def network(seed: int = 0) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_populations(populations_nano()).eval()


def test_levels_and_year_effects_are_ratios_of_what_was_counted() -> None:
    batch = two_sites()
    mean = (52 + 0.5) / 6
    levels = [(12 + 0.1 * mean) / 3.1, (40 + 0.1 * mean) / 2.1]
    assert site_levels(batch).exp().flatten().tolist() == pytest.approx(levels, rel=1e-5)
    second = math.log((4 + 0.5) / (levels[0] + 0.5))  # the second site was not counted then
    assert year_effects(batch)[0, 1].item() == pytest.approx(second, abs=1e-5)


def test_the_likelihood_is_that_of_the_negative_binomial() -> None:
    from scipy.stats import nbinom

    count, mean, size = torch.tensor([0.0, 3.0, 40.0]), torch.tensor([0.5, 4.0, 20.0]), torch.tensor([0.7, 2.0, 9.0])
    expected = nbinom.logpmf(count.numpy(), size.numpy(), (size / (size + mean)).numpy())
    np.testing.assert_allclose(log_likelihood(count, mean, size).numpy(), expected, rtol=1e-4)


def test_what_was_not_counted_is_not_looked_at_and_unknown_targets_do_not_count() -> None:
    batch, model = two_sites(), network()
    other = batch.counts.clone()
    other[0, 1, 1] = 1e6
    changed = CountBatch(other, batch.counted, batch.horizon, batch.target)
    torch.testing.assert_close(model(changed).mean, model(batch).mean)
    says = CountForecast(torch.tensor([[5.0, 1e9]]), torch.tensor([[2.0, 2.0]]))
    alone = -log_likelihood(torch.tensor(5.0), torch.tensor(5.0), torch.tensor(2.0))
    torch.testing.assert_close(model.head.loss(says, batch), alone)


def test_the_horizon_is_a_condition_and_years_before_the_first_count_say_nothing() -> None:
    batch, model = two_sites(), network()
    for name, parameter in model.core.named_parameters():
        if "scale.weight" in name or "shift.weight" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    later = CountBatch(batch.counts, batch.counted, torch.tensor([6.0]))
    assert (model(later).mean - model(batch).mean).abs().max() > 1e-3
    pad = torch.nn.functional.pad
    longer = CountBatch(pad(batch.counts, (4, 0)), pad(batch.counted, (4, 0)), batch.horizon)
    torch.testing.assert_close(model(longer).mean, model(batch).mean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("counts", "counted", "horizon", "message"),
    [
        ([[1.0, 2.0]], [[False, False]], 1.0, "counted once at least, got none of number 0"),
        ([[1.0, -2.0]], [[True, True]], 1.0, "at least 0, got -2; correct or drop that row"),
        ([[1.0, 2.0]], [[True, True]], 0.0, "1 year ahead at least, got 0"),
    ],
)
def test_impossible_counts_are_refused(counts, counted, horizon, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        CountBatch(torch.tensor([counts]), torch.tensor([counted]), torch.tensor([horizon]))


def test_a_loss_needs_a_target() -> None:
    batch, model = two_sites(), network()
    without = CountBatch(batch.counts, batch.counted, batch.horizon)
    with pytest.raises(ValueError, match="a loss needs a target"):
        model.loss(without)


def test_virtual_counts_have_the_mean_that_was_meant_and_gaps() -> None:
    random = np.random.default_rng(0)
    means = expected(random, 30, 12)
    assert means.min() > 0
    share = [visits(np.random.default_rng(seed), 30, 12).mean() for seed in range(40)]
    assert min(share) < 0.4 < 0.85 < max(share)
    data = VirtualPopulations(200, sites=6, seed=1)
    assert torch.equal(data.batch([3]).counts, data.batch([3]).counts)
    assert not torch.equal(data.batch([3]).counts, data.split("validation").batch([3]).counts)
    with pytest.raises(DataError, match="at least one at one site, got 0 at 24"):
        VirtualPopulations(0)
    with pytest.raises(ValueError, match="got 'dev'"):
        data.split("dev")


def test_training_lowers_the_loss_and_the_domain_builds_it_again() -> None:
    start = network()
    held = VirtualPopulations(60, sites=8, seed=9).batch(range(60))
    rates = {"core_rate": 4e-3, "embedding_rate": 3e-3, "norm_rate": 3e-3}
    recipe = Recipe(steps=60, batch_size=8, optimiser="muon", warmup=5, **rates)
    tuned = fit(start, VirtualPopulations(400, sites=8), None, recipe, progress=False)
    assert tuned.loss(held) < start.loss(held) - 0.01
    again = Biodiversity().build(to_dict(tuned.config))
    again.load_state_dict(tuned.state_dict())
    torch.testing.assert_close(again.eval()(held).mean, tuned.eval()(held).mean)
