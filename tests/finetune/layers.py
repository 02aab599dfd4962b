"""One layer of every kind, with an input."""

import torch
from torch import nn

from humboldt.foundations import FeedForward, TimeNorm


class SpectralConv(nn.Module):
    """A Fourier layer as foreign operators have it: complex weights (in, out, modes), axes last."""

    def __init__(self, width=4, modes=3):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width, modes, dtype=torch.cfloat) / width)

    def forward(self, x):
        spectrum = torch.fft.rfft(x)
        modes = self.weight.shape[-1]
        out = torch.zeros_like(spectrum)
        out[..., :modes] = torch.einsum("bim,iom->bom", spectrum[..., :modes], self.weight)
        return torch.fft.irfft(out, n=x.shape[-1])


LAYERS = {
    "linear": lambda: (nn.Linear(8, 8), torch.randn(5, 8)),
    "wide linear": lambda: (nn.Linear(8, 12), torch.randn(5, 8)),
    "layer norm": lambda: (nn.LayerNorm(8), torch.randn(5, 8)),
    "time norm": lambda: (TimeNorm(8), torch.randn(5, 4, 8)),
    "convolution": lambda: (nn.Conv2d(4, 6, 3, padding=1), torch.randn(2, 4, 5, 5)),
    "depthwise": lambda: (nn.Conv2d(4, 4, 3, padding=1, groups=4), torch.randn(2, 4, 5, 5)),
    "transposed": lambda: (nn.ConvTranspose2d(4, 6, 2, stride=2), torch.randn(2, 4, 5, 5)),
    "feed-forward": lambda: (FeedForward(8, 16), torch.randn(2, 5, 8)),
    "spectral": lambda: (SpectralConv(), torch.randn(2, 4, 16)),
}
