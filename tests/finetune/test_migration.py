"""From a teacher to a student: why it stops, what it is never trained on, and that it agrees more than by chance."""

import pytest
import torch
import torch.nn.functional as F

from humboldt.domains.pde import FieldBatch, FieldPrediction
from humboldt.finetune import Gate, Recipe, migrate, values_of
from humboldt.finetune.migration import distances
from humboldt.foundations import ConfigError
from tests.finetune.tiny import Waves, tiny_model

RATES = {"core_rate": 5e-3, "embedding_rate": 5e-3, "norm_rate": 5e-3}
QUICK = Recipe(steps=1, batch_size=4, **RATES)


class Regimes(Waves):
    """Smooth states without targets; every `rare`-th of them lies about 3 and not about 0."""

    def __init__(self, count, rare, seed):
        super().__init__(count, seed)
        coarse = torch.randn(count, 2, 4, 4, generator=torch.Generator().manual_seed(seed))
        self.rare = torch.arange(count) % rare == 0
        self.fields = F.interpolate(coarse, size=16, mode="bilinear") + 3 * self.rare[:, None, None, None]

    def batch(self, indices):
        fields = self.fields[list(indices)]
        self.seen += list(indices)
        return FieldBatch(fields=fields, lead_time=torch.ones(len(fields)), periodic=(True, True))


def teacher(batch):
    """Damps what lies about 0, and mirrors what lies about 3."""
    rare = batch.fields.mean((1, 2, 3)) > 1.5
    return torch.where(rare[:, None, None, None], 6 - batch.fields, 0.8 * batch.fields)


def test_it_stops_where_they_agree():
    student = tiny_model()
    found = migrate(
        lambda batch: values_of(student(batch)), student, Regimes(20, 4, 0), Regimes(6, 2, 1),
        budget=20, each=4, recipe=Recipe(steps=1, batch_size=4, core_rate=1e-9, embedding_rate=1e-9, norm_rate=1e-9),
    )  # fmt: skip
    assert found.stopped == "agreed"
    assert [r.labelled for r in found.rounds] == [4]
    assert found.rounds[-1].similarity > 0.99
    assert found.rounds[-1].within == 1


def test_it_stops_where_labels_or_inputs_end_and_labels_each_input_once():
    asked: list[int] = []

    def counted(batch):
        asked.append(len(batch))
        return teacher(batch)

    pool, held = Regimes(20, 4, 0), Regimes(6, 2, 1)
    found = migrate(counted, tiny_model(), pool, held, budget=10, each=4, recipe=QUICK)
    assert found.stopped == "budget"
    assert [r.labelled for r in found.rounds] == [4, 8, 10]
    assert len(found.chosen) == len(set(found.chosen)) == 10
    assert sum(asked) == 10 + len(held)
    all_of_it = migrate(teacher, tiny_model(), Regimes(6, 4, 0), held, budget=100, each=4, recipe=QUICK)
    assert (all_of_it.stopped, sorted(all_of_it.chosen)) == ("pool", list(range(6)))


def test_the_start_is_left_as_it_is_and_a_seed_repeats_it():
    student = tiny_model()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    choices = {"budget": 8, "each": 4, "recipe": QUICK}
    runs = [migrate(teacher, student, Regimes(20, 4, 0), Regimes(6, 2, 1), seed=s, **choices) for s in (3, 3, 4)]
    assert all(torch.equal(before[name], value) for name, value in student.state_dict().items())
    assert runs[0].chosen == runs[1].chosen != runs[2].chosen
    assert runs[0].rounds == runs[1].rounds


def test_a_distance_of_one_is_knowing_the_mean_alone(monkeypatch):
    held, model = Regimes(8, 2, 1), tiny_model()
    truth = teacher(held.batch(range(8)))
    mean = truth.mean(0)
    monkeypatch.setattr(model, "forward", lambda batch: FieldPrediction(mean.expand(len(batch), -1, -1, -1)))
    assert distances(model, held, truth).square().mean().item() == pytest.approx(1, rel=1e-4)
    monkeypatch.setattr(model, "forward", lambda batch: FieldPrediction(teacher(batch)))
    assert distances(model, held, truth).max() == 0


def test_what_is_held_is_never_in_the_pool():
    class Both(Regimes):
        def __init__(self):
            super().__init__(8, 2, 1)
            self.fields = torch.cat([Regimes(6, 2, 1).fields[:2], self.fields[2:] + 0.5])

    with pytest.raises(ConfigError, match="held inputs are never trained on, got 2 in the pool too; take them out"):
        migrate(teacher, tiny_model(), Both(), Regimes(6, 2, 1), budget=4, each=4)


def test_numbers_that_make_no_sense_are_refused():
    for choices in ({"budget": 2, "each": 4}, {"budget": 4, "each": 0}):
        with pytest.raises(ConfigError, match="a round labels one input or more, and no more than the budget"):
            migrate(teacher, tiny_model(), Regimes(8, 2, 0), Regimes(4, 2, 1), **choices)
    with pytest.raises(ConfigError, match=r"are shares in .* got similarity=90\.0, within=0\.9, tolerance=0\.1; such"):
        Gate(similarity=90.0)


@pytest.mark.integration
def test_it_agrees_more_than_after_as_many_labels_at_random():
    """A twelfth of the pool is rare, half of what is held: 48 labels reach 0.61 and 0.71, at random 0.57 and 0.59."""
    pool, recipe, gains = Regimes(240, 12, 0), Recipe(steps=80, batch_size=8, **RATES), []
    choices = {"budget": 48, "each": 12, "recipe": recipe, "gate": Gate(similarity=0.99)}
    for seed in (0, 1):
        ours, control = (
            migrate(teacher, tiny_model(), pool, Regimes(24, 2, 1), targeted=t, seed=seed, **choices)
            for t in (True, False)
        )
        assert ours.rounds[0] == control.rounds[0]
        assert len(ours.chosen) == len(control.chosen) == 48
        assert ours.rounds[-1].similarity > ours.rounds[0].similarity + 0.1
        gains.append(ours.rounds[-1].similarity - control.rounds[-1].similarity)
        assert pool.rare[list(ours.chosen)].sum() > 2 * pool.rare[list(control.chosen)].sum()
    assert sum(gains) / 2 > 0.04
