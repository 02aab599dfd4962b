import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.foundations import TimeNorm


def reference(x, scale, shift, eps=1e-5):
    x = x.double()
    mean = x.mean(-1, keepdim=True)
    variance = (x - mean).square().mean(-1, keepdim=True)
    return (x - mean) / (variance + eps).sqrt() * scale[:, None].double() + shift[:, None].double()


@settings(max_examples=20, deadline=None)
@given(b=st.integers(1, 4), n=st.integers(1, 9), d=st.integers(1, 40), c=st.integers(1, 5), seed=st.integers(0, 99))
def test_untrained_condition_leaves_a_plain_norm(b, n, d, c, seed):
    torch.manual_seed(seed)
    x, condition = torch.randn(b, n, d), torch.randn(b, c)
    assert torch.equal(TimeNorm(d, c)(x, condition), F.layer_norm(x, (d,)))
    assert torch.equal(TimeNorm(d)(x), F.layer_norm(x, (d,)))


def awake(width, condition):
    norm = TimeNorm(width, condition)
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    return norm


def test_trained_norm_is_affine_in_the_condition():
    torch.manual_seed(0)
    norm, x, condition = awake(16, 2), torch.randn(3, 5, 16), torch.randn(3, 2)
    expected = reference(x, norm.scale(condition), norm.shift(condition))
    torch.testing.assert_close(norm(x, condition), expected.float(), atol=1e-5, rtol=1e-5)


def test_gradients():
    torch.manual_seed(0)
    norm = awake(4, 2).double()
    x, condition = torch.randn(2, 3, 4, dtype=torch.double), torch.randn(2, 2, dtype=torch.double)
    assert torch.autograd.gradcheck(norm, (x.requires_grad_(), condition.requires_grad_()))
    parameters = dict(norm.named_parameters())

    def of_weights(*values):
        return torch.func.functional_call(norm, dict(zip(parameters, values, strict=True)), (x, condition))

    assert torch.autograd.gradcheck(of_weights, tuple(parameters.values()))


@pytest.mark.parametrize("condition", [0, 2])
def test_large_mean_and_small_deviation(condition):
    torch.manual_seed(0)
    x = 100 + 0.01 * torch.randn(2, 50, 32)
    norm = TimeNorm(32, condition, eps=1e-12)
    out = norm(x, torch.zeros(2, condition) if condition else None)
    expected = reference(x, torch.ones(2, 32), torch.zeros(2, 32), 1e-12)
    torch.testing.assert_close(out, expected.float(), atol=1e-2, rtol=0)


def test_half_input_is_normalised_in_float32():
    torch.manual_seed(0)
    norm, x, condition = awake(64, 1), torch.randn(2, 9, 64).bfloat16(), torch.rand(2, 1)
    with torch.autocast("cpu", torch.bfloat16):
        out = norm(x, condition)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, norm(x.float(), condition).bfloat16())


def test_condition_is_not_rounded_under_autocast():
    torch.manual_seed(0)
    norm, x, condition = awake(8, 1), torch.randn(2, 3, 8), torch.rand(2, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(norm(x, condition), norm.float()(x, condition))


def test_missing_condition_is_refused():
    with pytest.raises(ValueError, match=r"condition of shape \(batch, 2\), got None"):
        TimeNorm(4, 2)(torch.zeros(1, 1, 4))
    with pytest.raises(ValueError, match=r"got \(1, 3\)"):
        TimeNorm(4, 2)(torch.zeros(1, 1, 4), torch.zeros(1, 3))
