import math

import pytest
import torch

from humboldt.foundations.position import LogPositionBias, offsets


@pytest.mark.parametrize("window", [(1,), (5,), (3, 4), (2, 3, 2)])
def test_bias_of_a_pair_depends_on_its_offset_as_published(window):
    torch.manual_seed(0)
    bias = LogPositionBias(len(window), 2, hidden=16)
    table = bias(window)
    places = [
        tuple(int(i) for i in p)
        for p in torch.stack(torch.meshgrid(*(torch.arange(w) for w in window), indexing="ij"), -1).flatten(0, -2)
    ]
    for i, query in enumerate(places):
        for j, key in enumerate(places):
            u = [8 * (a - b) / max(w - 1, 1) for a, b, w in zip(query, key, window, strict=True)]
            logs = torch.tensor([math.copysign(math.log2(abs(x) + 1) / 3, x) for x in u])
            expected = 16 * torch.sigmoid(bias.out(torch.relu(bias.hidden(logs))))
            torch.testing.assert_close(table[:, i, j], expected, atol=1e-5, rtol=1e-5)


def test_tables_are_remembered():
    cpu = torch.device("cpu")
    assert offsets((3, 3), cpu) is offsets((3, 3), cpu)


def test_bias_is_float32_under_autocast():
    bias = LogPositionBias(1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(bias((4,)), bias((4,)))
        assert bias((4,)).dtype == torch.float32
