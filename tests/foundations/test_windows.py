import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from humboldt.foundations import AttentionConfig, windows

CPU = torch.device("cpu")


@st.composite
def cut(draw):
    axes = draw(st.integers(1, 3))
    grid = tuple(draw(st.integers(1, 9)) for _ in range(axes))
    window = tuple(draw(st.one_of(st.none(), st.integers(1, 5))) for _ in range(axes))
    periodic = tuple(draw(st.booleans()) for _ in range(axes))
    padding = draw(st.sampled_from(["masked", "visible", "centred"]))
    return grid, {"window": window, "shifted": draw(st.booleans()), "padding": padding}, periodic


@settings(max_examples=60, deadline=None)
@given(cut())
def test_join_inverts_split(case):
    grid, choices, periodic = case
    config = AttentionConfig(heads=1, **choices)
    layout = windows.lay_out(grid, config, periodic)
    x = torch.randn(2, *grid, 3)
    parts = windows.split(x, layout)
    assert parts.shape[2] == layout.tokens
    assert torch.equal(windows.join(parts, layout), x)


@settings(max_examples=60, deadline=None)
@given(cut())
def test_tokens_of_a_window_that_see_each_other_are_neighbours(case):
    """Seen pairs lie in the grid as far apart as in the window: nothing is joined over a border that is not there."""
    grid, choices, periodic = case
    config = AttentionConfig(heads=1, **choices)
    layout = windows.lay_out(grid, config, periodic)
    seams = windows.seams(grid, config, periodic, CPU)
    places = torch.stack(torch.meshgrid(*(torch.arange(1.0, n + 1) for n in grid), indexing="ij"), -1)
    places = windows.split(places[None], layout)[0].long()  # 0 marks padding
    inside = torch.stack(torch.meshgrid(*(torch.arange(w) for w in layout.window), indexing="ij"), -1).flatten(0, -2)
    seen = torch.ones(*places.shape[:2], layout.tokens, dtype=torch.bool) if seams is None else seams > -1
    real = (places > 0).all(-1)
    if config.padding == "masked":
        assert not (seen & ~real[:, None, :]).any()
    both = seen & real[:, :, None] & real[:, None, :]
    apart = places[:, :, None] - places[:, None, :] - (inside[:, None] - inside[None, :])
    for axis, n in enumerate(grid):
        found = apart[..., axis][both]
        assert (found % n == 0).all() if periodic and periodic[axis] else (found == 0).all()


def test_tables_made_in_inference_mode_serve_training():
    config = AttentionConfig(heads=1, window=(3,), shifted=True)
    with torch.inference_mode():
        table = windows.seams((7,), config, (), CPU)
    assert table is not None
    assert not table.is_inference()
    assert windows.seams((7,), config, (), CPU) is table


def test_centred_padding_stands_around_the_moved_grid():
    config = AttentionConfig(heads=1, window=(4,), shifted=True, padding="centred", seam=-5.0)
    layout = windows.lay_out((6,), config)
    x = torch.arange(1.0, 7.0).view(1, 6, 1)
    assert windows.split(x, layout).flatten(1).tolist() == [[0, 3, 4, 5, 6, 1, 2, 0]]
    assert torch.equal(windows.join(windows.split(x, layout), layout), x)
    scores = windows.seams((6,), config, (), x.device)
    assert scores[1].tolist() == [[0, -5, -5, -5], [-5, 0, 0, -5], [-5, 0, 0, -5], [-5, -5, -5, 0]]


def test_centred_padding_is_visible_where_windows_are_not_moved():
    config = AttentionConfig(heads=1, window=(4,), padding="centred")
    assert windows.seams((6,), config, (), torch.device("cpu")) is None
