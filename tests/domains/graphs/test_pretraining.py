"""The corpus of the released model."""

from humboldt.domains.graphs import open_graphs, with_few_tiny


def test_of_tiny_molecules_one_in_ten_stays():
    tiny, large = ["C" * n for n in (1, 2, 3, 4)] * 5, ["C" * 10, "C" * 12]
    few = with_few_tiny(open_graphs([*tiny[:7], *large, *tiny[7:]]))
    kept = [len(few.graphs[place]) for place in few.places]
    assert [n for n in kept if n > 9] == [10, 12]
    assert len(kept) == 2 + 2
