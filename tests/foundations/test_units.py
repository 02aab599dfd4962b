"""Units of a field: cut and laid again, moved by half a unit, and attended to alike in both arrangements."""

import dataclasses

import torch

from humboldt.foundations import AttentionConfig, Block, BlockConfig, Tokens, Units

UNITS = Units((2, 3), (4, 2))


def test_cut_counts_row_by_row_and_lay_is_its_inverse():
    field = torch.arange(8 * 6).view(1, 8, 6, 1)
    cut = UNITS.cut(field)
    assert cut.shape == (1, *UNITS.grid, 1)
    assert cut[0, 1, :, 0].tolist() == [2, 3, 8, 9, 14, 15, 20, 21]  # the second unit of the first row
    assert torch.equal(UNITS.lay(cut), field)


def test_shift_moves_the_field_by_half_a_unit_around_both_axes():
    field = torch.arange(8 * 6).view(1, 8, 6, 1)
    moved = UNITS.lay(UNITS.shift(UNITS.cut(field)))
    assert torch.equal(moved, field.roll((2, 1), (1, 2)))
    assert torch.equal(UNITS.shift(UNITS.shift(UNITS.cut(field)), back=True), UNITS.cut(field))


def block(window, shifted):
    attention = AttentionConfig(heads=2, window=window, shifted=shifted, bias="none", out_bias=False)
    made = Block(8, 2, 0, BlockConfig(attention=attention, hidden=16), 1e-5)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def test_a_shifted_block_attends_inside_units_of_the_moved_field():
    x = torch.randn(2, *UNITS.grid, 8)
    for window in ((1, None), (None, 1)):
        plain, moved = block(window, False), block(window, True)
        moved.load_state_dict(plain.state_dict())
        tokens = Tokens(x, units=UNITS)
        wanted = UNITS.shift(plain(Tokens(UNITS.shift(x), units=UNITS)).x, back=True)
        torch.testing.assert_close(moved(tokens).x, wanted)
        across = window == (None, 1)  # all tokens of a slot move alike
        assert torch.allclose(wanted, plain(tokens).x, atol=1e-5) == across


def test_without_neighbours_nothing_is_shifted():
    x = torch.randn(2, 5, 8, 8)
    plain, moved = block((1, None), False), block((1, None), True)
    moved.load_state_dict(plain.state_dict())
    torch.testing.assert_close(moved(Tokens(x)).x, plain(Tokens(x)).x)


def test_masked_tokens_move_with_the_field():
    x, mask = torch.randn(1, *UNITS.grid, 8), torch.rand(1, *UNITS.grid) > 0.5
    moved = block((1, None), True)
    tokens = Tokens(x, mask=mask, units=UNITS)
    other = dataclasses.replace(tokens, x=torch.where(mask.unsqueeze(-1), x, 7.0))
    torch.testing.assert_close(moved(tokens).x[mask], moved(other).x[mask])


def test_a_closing_map_without_bias_has_none():
    assert [n for n, _ in block((1, None), False).attention.named_parameters()] == ["qkv.weight", "out.weight"]
