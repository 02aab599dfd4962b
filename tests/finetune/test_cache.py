"""Corrections by what was wrong on similar samples."""

from dataclasses import replace

import pytest
import torch

from humboldt.domains.graphs import for_task, open_graphs
from humboldt.finetune import with_cache
from humboldt.foundations import CheckpointError, ConfigError
from tests.domains.graphs.small import small
from tests.finetune.tiny import Waves, tiny_model


def fields(model, batch):
    with torch.no_grad():
        return model.eval()(batch).fields


def test_no_share_of_the_correction_is_the_model_bit_for_bit():
    model, batch = tiny_model(), Waves(4, 5).all()
    assert torch.equal(fields(with_cache(model, Waves(6), alpha=0.0), batch), fields(model, batch))


def test_the_nearest_example_alone_is_put_right_and_an_example_that_comes_twice_means_nothing():
    model, examples = tiny_model(), Waves(5)
    near = with_cache(model, examples, beta=1e6)
    torch.testing.assert_close(fields(near, examples.all()), examples.all().target, rtol=1e-4, atol=1e-5)
    twice = Waves(10)
    twice.fields = torch.cat([examples.fields, examples.fields])
    other, some = Waves(3, 8).all(), {"beta": 4.0}
    torch.testing.assert_close(
        fields(with_cache(model, twice, **some), other), fields(with_cache(model, examples, **some), other)
    )


def test_what_fills_up_a_sequence_means_nothing():
    """A graph is corrected alone as it is beside a longer one."""
    data = open_graphs(["CC", "CCO", "CCCCCO", "CCC"], values={"y": [1.0, 5.0, -3.0, 2.0]}, targets="y")
    model = for_task(small(data.vocabulary, length=64), data, "regression")
    found = with_cache(model, data, beta=4.0)
    with torch.no_grad():
        together = found(data.batch([1, 2])).values
        assert (together - model(data.batch([1, 2])).values).abs().min() > 0.01
        torch.testing.assert_close(together[:1], found(data.batch([1])).values, rtol=1e-4, atol=1e-4)


def test_an_equal_share_of_all_is_the_mean_residual():
    model, examples, other = tiny_model(), Waves(5), Waves(3, 8).all()
    mean = (examples.all().target - fields(model, examples.all())).mean(0)
    torch.testing.assert_close(
        fields(with_cache(model, examples, beta=0.0, alpha=0.5), other), fields(model, other) + 0.5 * mean
    )


def test_what_is_not_known_of_an_example_corrects_nothing():
    class Holes(Waves):
        def batch(self, indices):
            found = super().batch(indices)
            return replace(found, target=found.target.index_fill(1, torch.tensor(0), float("nan")))

    model, other = tiny_model(), Waves(3, 8).all()
    change = fields(with_cache(model, Holes(5), beta=0.0), other) - fields(model, other)
    assert change.isfinite().all()
    assert not change[:, 0].any()
    assert change[:, 1:].abs().min() > 0 or change.shape[1] == 1


def test_a_checkpoint_holds_no_examples(tmp_path):
    with pytest.raises(CheckpointError, match=r"got head, which was made of examples; save the model without it"):
        with_cache(tiny_model(), Waves(3)).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_what_a_cache_cannot_keep_is_refused():
    with pytest.raises(ConfigError, match=r"has examples, alpha and beta of 0 or more, got 6, -1 and 10"):
        with_cache(tiny_model(), Waves(6), alpha=-1)

    class Untold(Waves):
        def batch(self, indices):
            return replace(super().batch(indices), target=None)

    with pytest.raises(ConfigError, match=r"were short of, got targets of none; take a model whose targets look like"):
        with_cache(tiny_model(), Untold(6))
