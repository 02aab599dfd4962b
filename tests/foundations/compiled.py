"""Compare a compiled core with the eager one, outputs and gradients: `python -m tests.foundations.compiled BACKEND`."""

import sys
from dataclasses import replace

import torch

from humboldt.foundations import Core

from .cores import awake, pyramid, tokens


def main(backend: str) -> None:
    """Fails where they differ, and where the core is not one graph."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    whole = pyramid()
    fine, coarse = whole.scales
    scales = (replace(fine, up=fine.up[1:]), replace(coarse, down=coarse.down[:1]))  # each kind of block on each way
    core = awake(Core(replace(whole, scales=scales)))
    compiled = torch.compile(core, backend=backend, fullgraph=True, dynamic=False)
    results = []
    for run in (core, compiled):
        out = run(tokens(core, 9, 6)).x
        results.append((out, *torch.autograd.grad(out.square().mean(), tuple(core.parameters()))))
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-3)


if __name__ == "__main__":
    main(sys.argv[1])
