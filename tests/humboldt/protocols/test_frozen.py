import pytest
import torch

from humboldt.protocols.frozen import embedded, pooled, read_off, summarised
from humboldt.protocols.states import ProtocolError
from tests.finetune.sciences import science
from tests.humboldt.test_adapting import Trajectories


def part(count, seed, noise=0.0):
    """Embeddings, and targets that are a linear map of them, of two channels with three values each."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 5, generator=chance, dtype=torch.double)
    weight = torch.randn(5, 6, generator=torch.Generator().manual_seed(9), dtype=torch.double)
    return x, x @ weight + noise * torch.randn(count, 6, generator=chance, dtype=torch.double), 2


def test_a_linear_target_is_read_off_and_noise_is_not():
    found = read_off(part(60, 0), part(20, 1))
    assert found.ridge < 0.02
    assert found.ridge < found.nearest < 1
    x, y, channels = part(60, 0)
    chance = torch.randn(y.shape, generator=torch.Generator().manual_seed(3), dtype=torch.double)
    assert read_off((x, chance, channels), (x[:20], chance[:20].flip(0), channels)).ridge > 0.9


def test_the_training_samples_themselves_are_nearest():
    assert read_off(part(30, 0), part(30, 0)).nearest == pytest.approx(0, abs=1e-9)


def test_channels_count_alike_and_what_is_missing_does_not_count():
    train, test = part(60, 0, noise=0.5), part(20, 1, noise=0.5)
    plain = read_off(train, test)
    scale = torch.tensor([1.0, 1, 1, 1e6, 1e6, 1e6], dtype=torch.double)
    scaled = read_off((train[0], train[1] * scale, 2), (test[0], test[1] * scale, 2))
    assert scaled.ridge == pytest.approx(plain.ridge, rel=1e-6)
    holes = train[1].clone()
    holes[0, 0] = torch.nan
    assert read_off((train[0], holes, 2), test).ridge == pytest.approx(plain.ridge, rel=0.3)
    with pytest.raises(ProtocolError, match="three samples"):
        read_off(tuple(v[:2] if torch.is_tensor(v) else v for v in train), test)


def test_embeddings_of_a_model_are_its_mean_tokens():
    model, batch = science("pde")
    assert pooled(model, batch).allclose(model.encode(batch).x.flatten(1, -2).mean(1))
    x, y, channels = embedded(model, Trajectories(5))
    assert (len(x), y.shape[1], channels) == (5, 4, 4)
    target = Trajectories(5).all().target.double()
    torch.testing.assert_close(y[:, 1], target[:, 1].mean((1, 2)))
    torch.testing.assert_close(y[:, 2], target[:, 0].std((1, 2), correction=0))
    assert summarised(y).equal(y)
