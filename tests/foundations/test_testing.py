import pytest
import torch

from humboldt.domains.pde.batch import FieldBatch
from humboldt.domains.pde.config import Channel, PDEConfig
from humboldt.domains.pde.domain import build
from humboldt.foundations import testing

from .cores import pyramid


@pytest.fixture
def model():
    core = pyramid()
    core = type(core)(axes=2, scales=core.scales, condition=1)
    channels = (Channel(name="u"), Channel(name="v"))
    torch.manual_seed(0)
    return build(PDEConfig(inputs=channels, outputs=channels, core=core, patch=2))


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return FieldBatch(torch.randn(3, 2, 10, 12), torch.rand(3), target=torch.randn(3, 2, 10, 12))


def take(batch, part):
    return FieldBatch(batch.fields[part], batch.lead_time[part], target=batch.target[part])


def test_a_pde_model_keeps_the_contract(model, batch):
    testing.check_model_contract(model, batch, take=take, rebuild=build)


def test_an_undecided_model_is_found_out(model, batch):
    model.core.register_forward_hook(lambda m, i, out: out.with_x(out.x + torch.randn_like(out.x)))
    with pytest.raises(AssertionError, match="same batch must give the same prediction"):
        testing.check_model_contract(model, batch)


def test_samples_that_mix_are_found_out(model, batch):
    model.core.register_forward_hook(lambda m, i, out: out.with_x(out.x + out.x.mean(0)))
    with pytest.raises(AssertionError, match="must not depend on the other samples"):
        testing.check_model_contract(model, batch, take=take)


def test_an_unused_parameter_is_found_out(model, batch):
    model.core.idle = torch.nn.Parameter(torch.zeros(1))
    with pytest.raises(AssertionError, match=r"must be used, core\.idle is not"):
        testing.check_gradients(model, batch)
