import pytest
import torch

from humboldt.adapting import finetune
from humboldt.domains.biodiversity.populations import VirtualPopulations
from humboldt.encoding import Encoded
from humboldt.foundations import ConfigError
from tests.finetune.sciences import science
from tests.finetune.tiny import tiny_model
from tests.humboldt.test_adapting import Trajectories

CHOICES = {"method": "head", "steps": 5, "batch_size": 4, "embedding_rate": 1e-2, "progress": False}


def test_a_head_learns_the_same_from_kept_tokens():
    plain, kept = (finetune(tiny_model(), Trajectories(), cached=cached, **CHOICES) for cached in (False, True))
    for (name, a), b in zip(plain.named_parameters(), kept.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)
    assert not kept.head.mix.weight.equal(tiny_model().head.mix.weight)
    assert kept.provenance["recipe"]["cached"] is True


def test_the_trunk_runs_once_a_sample(monkeypatch):
    model, data = tiny_model(), Trajectories(6)
    ran = []
    forward = model.core.forward

    def counted(tokens):
        ran.append(len(tokens.x))
        return forward(tokens)

    monkeypatch.setattr(model.core, "forward", counted)
    view = Encoded(data, model)
    first = view.batch([4, 1])
    again = view.batch([1, 4])
    assert ran == [2]
    assert again.tokens.x.equal(first.tokens.x.flip(0))
    assert model.encode(first) is first.tokens
    view.batch([1, 2])
    assert ran == [2, 2]
    assert view.take(2).batch([0]).tokens.x.shape[0] == 1
    assert len(first.to("cpu", torch.float64)) == 2
    assert first.to("cpu", torch.float64).tokens.x.dtype == torch.float64


@pytest.mark.parametrize("name", ["weather", "biodiversity"])
def test_tokens_of_other_sciences_are_put_together_again(name):
    model, batch = science(name)

    class One:
        augmented = False

        def batch(self, indices):
            return batch

    with torch.no_grad():
        kept = Encoded(One(), model).batch(range(len(batch)))
        found, wanted = model(kept).fields, model(batch).fields
    torch.testing.assert_close(found, wanted)


def test_only_a_frozen_trunk_on_steady_data_can_be_left_out():
    with pytest.raises(ConfigError, match="where the trunk is frozen, got the method 'full'; take 'head'"):
        finetune(tiny_model(), Trajectories(), cached=True, **{**CHOICES, "method": "full"})

    class Turned(Trajectories):
        augmented = True

        def split(self, name):
            return self

    with pytest.raises(ConfigError, match="drawn or turned anew; leave out cached=True"):
        finetune(tiny_model(), Turned(), cached=True, **CHOICES)

    class Drawn(Trajectories):
        def batch(self, indices):
            self.fields = torch.randn_like(self.fields)
            return super().batch(indices)

    with pytest.raises(ConfigError, match="drawn or turned anew"):
        Encoded(Drawn(), tiny_model())
    with pytest.raises(ConfigError, match="samples of fields, which have a row of tokens each, got CountBatch; leave"):
        finetune("humboldt/populations-nano", VirtualPopulations(4), cached=True, method="head", steps=1)
