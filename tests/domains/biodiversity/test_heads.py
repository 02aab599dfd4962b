"""The next month and its loss."""

import dataclasses

import pytest
import torch

from humboldt.domains.biodiversity import GridPrediction, build
from tests.domains.biodiversity.small_bioanalyst import months, small


def queries_that_matter(behaviour, group):
    """Queries on which the maps of a group depend."""
    head = build(small(behaviour=behaviour)).head
    queries = torch.randn(1, 16, 8, requires_grad=True)
    head._maps(queries)[:, head.config.slices()[group]].sum().backward()
    return queries.grad.abs().sum((0, 2)).nonzero().flatten().tolist()


def test_every_map_has_its_query_and_in_published_models_two_read_the_forest():
    assert queries_that_matter("corrected", "redlist") == [14]
    assert queries_that_matter("corrected", "misc") == [15]
    assert queries_that_matter("published", "redlist") == [13]
    assert queries_that_matter("published", "misc") == [13]


def test_the_loss_weighs_variables_within_their_group_and_groups_alike():
    config = small()
    head, batch = build(config).head, months(config)
    for group, weight in (("surface", 2.5 / 2), ("species", 10.0 / 2), ("redlist", 1.3)):
        fields = batch.target.clone()
        fields[:, config.slices()[group].start] += 0.5
        assert head.loss(GridPrediction(fields), batch).item() == pytest.approx(0.5 * weight / 11, rel=1e-4)


def test_missing_targets_do_not_count():
    config = small()
    head, batch = build(config).head, months(config)
    target = batch.target.clone()
    target[:, 0, :6] = torch.nan
    half = dataclasses.replace(batch, target=target)
    assert head.loss(GridPrediction(batch.target + 1), half).item() == pytest.approx(
        head.loss(GridPrediction(batch.target + 1), batch).item(), rel=1e-5
    )
    nothing = dataclasses.replace(batch, target=torch.full_like(target, torch.nan))
    assert head.loss(GridPrediction(batch.target), nothing).isnan()


def test_land_alone_counts_for_masked_groups():
    config = small(mask="partially")
    head, batch = build(config).head, months(config)
    land = torch.zeros(12, 16)
    land[:6] = 1
    batch = dataclasses.replace(batch, land=land)
    for group, weight in (("surface", 2.5 / 2), ("species", 0.0)):
        fields = batch.target.clone()
        fields[:, config.slices()[group].start, 6:] += 1
        expected = 0.5 * weight / 11
        assert head.loss(GridPrediction(fields), batch).item() == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="does not say where land is"):
        head.loss(GridPrediction(batch.target), months(config))


def test_an_increment_is_added_to_the_last_month_in_physical_units():
    config = small(increment=True)
    model, batch = build(config).eval(), months(config)
    for part in (model.embed, model.head):
        part.normaliser.mean.fill_(200.0), part.normaliser.std.fill_(7.0)
    for linear in model.head.maps.values():
        torch.nn.init.zeros_(linear.weight)
    torch.testing.assert_close(model(batch).fields, batch.fields[:, :, -1], rtol=0, atol=1e-4)
