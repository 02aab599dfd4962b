from types import SimpleNamespace

from humboldt.view import View


class Doubled(View):
    """Every number twice as large."""

    def batch(self, indices):
        return [2 * value for value in self.viewed.batch(indices)]


class Series:
    """Data with an attribute of their own called `data`, as those of the atmosphere have."""

    def __init__(self, values):
        self.data = SimpleNamespace(values=values)

    def __len__(self):
        return len(self.data.values)

    def batch(self, indices):
        return [self.data.values[i] for i in indices]

    def take(self, count):
        return Series(self.data.values[:count])


def test_a_view_changes_batches_and_is_the_dataset_in_all_else():
    series = Series([1, 2, 3])
    view = Doubled(series)
    assert view.data is series.data
    assert view.batch([0, 2]) == [2, 6]
    part = view.take(2)
    assert isinstance(part, Doubled)
    assert (len(part), part.batch([1])) == (2, [4])
