import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from humboldt.foundations import fused


def reference(qkv, bias, seams, scale, cosine):
    q, k, v = rearrange(qkv, "b m n three h e -> three b m h n e")
    if cosine:
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    scores = (q * scale[:, None, None]) @ k.mT + bias
    if seams is not None:
        scores = scores + seams[:, None]
    return rearrange(scores.softmax(-1) @ v, "b m h n e -> b m n h e")


def case(dtype=torch.double, b=2, m=3, n=5, heads=2, e=4, seams=True):
    torch.manual_seed(0)
    make = {"dtype": dtype}
    apart = torch.zeros(m, n, n, **make)
    apart[-1, :3, 3:] = apart[-1, 3:, :3] = -1e30
    return (
        torch.randn(b, m, n, 3, heads, e, **make).requires_grad_(),
        torch.randn(heads, n, n, **make).requires_grad_(),
        apart if seams else None,
        torch.tensor([1.5, 7.0], **make).requires_grad_(),
    )


@pytest.mark.parametrize("chunk", [1, 1 << 18])
@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("seams", [False, True])
def test_values_and_gradients_equal_the_plain_formula(seams, cosine, chunk, monkeypatch):
    monkeypatch.setattr(fused, "CHUNK", chunk)
    qkv, bias, apart, scale = case(seams=seams)
    weights = torch.randn(2, 3, 5, 2, 4, dtype=torch.double)
    results = []
    for function in (fused.attend_windows, reference):
        out = function(qkv, bias, apart, scale, cosine)
        results.append((out, *torch.autograd.grad((out * weights).sum(), (qkv, bias, scale))))
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-10, rtol=1e-9)


@pytest.mark.parametrize("cosine", [False, True])
def test_gradcheck(cosine):
    qkv, bias, apart, scale = case(b=1, m=2, n=3, seams=False)

    def attend(qkv, bias, scale):
        return fused.attend_windows(qkv, bias, apart, scale, cosine)

    assert torch.autograd.gradcheck(attend, (qkv, bias, scale))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_stay_close(dtype):
    qkv, bias, apart, scale = (None if x is None else x.detach() for x in case())
    half = qkv.to(dtype).requires_grad_()
    out = fused.attend_windows(half, bias.float(), apart.float(), scale.float(), True)
    exact_qkv = half.detach().double().requires_grad_()
    exact = reference(exact_qkv, bias, apart, scale, True)
    assert (out.double() - exact).abs().max() < 0.08
    ours, plain = torch.autograd.grad(out.sum(), half)[0], torch.autograd.grad(exact.sum(), exact_qkv)[0]
    assert (ours.double() - plain).abs().max() < 0.05 * plain.abs().max()


def test_zero_vectors_have_no_direction_and_no_gradient():
    qkv, bias, _, scale = case(m=1, seams=False)
    with torch.no_grad():
        qkv[:, :, 0, :2] = 0
    out = fused.attend_windows(qkv, bias, None, scale, True)
    grad = torch.autograd.grad(out.square().sum(), qkv)[0]
    torch.testing.assert_close(out, reference(qkv, bias, None, scale, True), atol=1e-10, rtol=0)
    assert grad[:, :, 0, :2].abs().max() == 0
    assert torch.isfinite(grad).all()
