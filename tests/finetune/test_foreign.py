"""Networks of another make: an FNO of neuraloperator, single parameters, a decoder for new variables."""

import copy

import pytest
import torch
from torch import nn

from humboldt.domains.pde import Channel, replace_channels
from humboldt.finetune import disabled, method, put_adapter, read_adapter, write_adapter
from humboldt.finetune.layers import is_spectral
from humboldt.finetune.weighted import weighted
from humboldt.foundations import CheckpointError, ConfigError
from tests.finetune.notes import member
from tests.finetune.sciences import science
from tests.finetune.tiny import Waves, tiny_model


@pytest.fixture(scope="module")
def fno():
    models = pytest.importorskip("neuralop.models")
    torch.manual_seed(0)
    return models.FNO(n_modes=(4, 4), in_channels=2, out_channels=2, hidden_channels=4, n_layers=2).eval()


@pytest.mark.parametrize(
    ("name", "options"),
    [("nlt", {}), ("taps", {}), ("parameters", {"parameters": "weight"}), ("f_adapter", {"narrow": 2, "bands": 2})],
)
def test_fourier_layers_of_an_operator_are_sites(fno, name, options, tmp_path):
    x = torch.randn(2, 2, 8, 8)
    plain, way = fno(x).detach(), method(name, targets=r"convs\.\d+$", whole=(), **options)
    model = way.prepare(copy.deepcopy(fno))
    assert torch.equal(model(x), plain)
    free = [n for n, p in model.named_parameters() if p.requires_grad]
    assert free
    assert all(".hooks." in n for n in free)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    before = [p.detach().clone() for p in model.parameters() if p.requires_grad]
    for _ in range(2):
        optimiser.zero_grad()
        (model(x) - 1).square().mean().backward()
        optimiser.step()
    after = [p for p in model.parameters() if p.requires_grad]
    assert all(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
    with disabled(model):
        assert torch.equal(model(x), plain)
    trained = model(x).detach()
    write_adapter(tmp_path, model, way)
    again = way.prepare(copy.deepcopy(fno))
    put_adapter(again, *read_adapter(tmp_path))
    assert torch.equal(again(x), trained)
    if way.mergeable:
        merged = way.merge(model)
        assert set(merged.state_dict()) == set(fno.state_dict())
        torch.testing.assert_close(merged(x), trained)


@pytest.mark.parametrize("name", ["lora", "dora", "hydra", "glora", "shira"])
def test_convolutions_of_an_operator_take_what_linear_maps_do(fno, name):
    x, way = torch.randn(2, 2, 8, 8), method(name, targets=r"fcs\.\d$", whole=(), rank=1)
    made = way.prepare(copy.deepcopy(fno))
    torch.testing.assert_close(made(x), fno(x), rtol=0, atol=1e-6)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    adapted = made(x)
    assert not torch.allclose(adapted, fno(x), atol=1e-3)
    merged = way.merge(made)
    assert set(merged.state_dict()) == set(fno.state_dict())
    torch.testing.assert_close(merged(x), adapted)


def test_lora_reaches_a_convolution_that_goes_round_the_edges():
    model, batch = tiny_model(skip_kind="resnet").eval(), Waves(2).all()
    way = method("lora", targets="skip", rank=2, whole=())
    made = way.prepare(copy.deepcopy(model))
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
        adapted = made(batch).fields
        assert not torch.allclose(adapted, model(batch).fields, atol=1e-4)
        torch.testing.assert_close(way.merge(made)(batch).fields, adapted)


def test_a_layer_is_spectral_by_its_complex_weight(fno):
    assert is_spectral(fno.fno_blocks.convs[0])
    assert not is_spectral(nn.Conv2d(2, 2, 3))
    assert not is_spectral(nn.ReLU())


def test_single_parameters_of_any_layer_move_and_no_others():
    model, batch = science("pde")
    way = method("parameters", parameters="logit_scale|gamma|query_bias", whole=())
    made = way.prepare(copy.deepcopy(model))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if ".hooks." in name:
                parameter.add_(0.3)
    adapted = made(batch).fields
    merged = way.merge(made)
    for (name, old), new in zip(model.named_parameters(), merged.parameters(), strict=True):
        moved = name.rpartition(".")[2] in ("logit_scale", "gamma", "query_bias") and name.startswith("core.")
        assert torch.equal(old, new) != moved, name
    torch.testing.assert_close(merged(batch).fields, adapted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="parameters must find a parameter, got parameters='nothing'"):
        method("parameters", parameters="nothing").prepare(copy.deepcopy(model))


def test_new_variables_by_a_decoder_leave_the_trunk_and_what_it_made():
    model, batch = science("pde")
    outputs = (Channel(name="height"), Channel(name="salinity"), Channel(name="ice"))
    way = method("decoder", hidden=8)
    wider = way.prepare(replace_channels(model, model.config.inputs, outputs))
    free = {name.split(".")[0] for name, p in wider.named_parameters() if p.requires_grad and ".hooks." not in name}
    assert free == {"head"}
    with torch.no_grad():
        for parameter in wider.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    assert wider(batch).fields.shape[1] == 3
    with disabled(wider):
        tokens = wider.encode(batch)
    torch.testing.assert_close(model.head(tokens, batch).fields, model(batch).fields, rtol=0, atol=0)


@pytest.mark.parametrize("how", ["cat", "linear", "svd", "ties", "dare_ties"])
def test_low_rank_adapters_of_one_base_become_one(how):
    model, batch = science("pde")
    folders = [member(model, seed, "lora", rank=2, whole=()) for seed in (1, 2)]
    made = weighted(model, {folders[0]: 0.7, folders[1]: 0.3}, how)
    assert set(made.state_dict()) == set(model.state_dict())
    assert not torch.equal(made(batch).fields, model(batch).fields)
    if how == "cat":
        key = "core.scales.0.down.0.feed_forward.expand"
        added = torch.zeros_like(model.state_dict()[f"{key}.weight"])
        for folder, share in zip(folders, (0.7, 0.3), strict=True):
            state = read_adapter(folder)[1]
            a, b = (state[f"{key}.lora_{part}.default.weight"] for part in "AB")
            added += share * 16 / 2 * b @ a
        torch.testing.assert_close(made.state_dict()[f"{key}.weight"] - model.state_dict()[f"{key}.weight"], added)


def test_adapters_that_cannot_become_one_are_refused():
    model = science("pde")[0]
    with pytest.raises(ConfigError, match="a merge takes an adapter at least, got none"):
        weighted(model, {})
    with pytest.raises(ConfigError, match="peft merges adapters of lora, got hydra"):
        weighted(model, {member(model, 1): 1.0})
    with pytest.raises(CheckpointError, match=r"merged on the base of all, .* is of another"):
        weighted(tiny_model(), {member(model, 1, "lora", rank=2): 1.0})
    mixed = {member(model, 1, "lora", rank=2): 0.5, member(model, 2, "lora", rank=4): 0.5}
    with pytest.raises(ConfigError, match=r"cannot merge these adapters by linear: .*; choose cat or svd"):
        weighted(model, mixed, "linear")
