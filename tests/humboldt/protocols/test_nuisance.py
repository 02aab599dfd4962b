import pytest
import torch

from humboldt.adapting import finetune
from humboldt.protocols.nuisance import KINDS, Nuisance, Spread, TrainingVaried, Varied, nuisances
from humboldt.protocols.states import ProtocolError
from tests.finetune.tiny import Waves, tiny_model
from tests.humboldt.test_adapting import Trajectories


def test_one_configuration_is_ordinary_fine_tuning_to_the_bit():
    choices = {"steps": 3, "batch_size": 4, "progress": False}
    plain = finetune(tiny_model(), Trajectories(), **choices)
    same = finetune(tiny_model(), TrainingVaried(Trajectories(), [Nuisance()]), **choices)
    other = finetune(tiny_model(), TrainingVaried(Trajectories(), [Nuisance(scale=0.5)]), **choices)
    assert all(a.equal(b) for a, b in zip(plain.parameters(), same.parameters(), strict=True))
    assert not all(a.equal(b) for a, b in zip(plain.parameters(), other.parameters(), strict=True))


def test_state_and_target_move_together():
    batch = Waves(2).all()
    moved = Nuisance(phase=0.25).apply(batch)
    assert moved.fields.equal(batch.fields.roll((4, 4), (-2, -1)))
    assert moved.target.allclose(0.5 * moved.fields.roll(1, -1))


def test_a_gap_a_scale_and_a_block_touch_the_input_alone():
    batch = Waves(2).all()
    gap = Nuisance(gap=3).apply(batch)  # counted round: the second of two
    assert gap.fields[:, 1].isnan().all()
    assert gap.fields[:, 0].equal(batch.fields[:, 0])
    scaled = Nuisance(scale=0.8).apply(batch).fields
    torch.testing.assert_close(scaled.std((2, 3)), 0.8 * batch.fields.std((2, 3)))
    torch.testing.assert_close(scaled.mean((2, 3)), batch.fields.mean((2, 3)))
    block = Nuisance(block=4).apply(batch)
    torch.testing.assert_close(block.fields[..., 0, 0], batch.fields[..., :4, :4].mean((2, 3)))
    assert all(made.target.equal(batch.target) for made in (gap, block))


def test_configurations_differ_are_fixed_by_the_seed_and_all_are_used():
    drawn = nuisances(32, seed=1)
    assert len(set(drawn)) == 32
    assert drawn == nuisances(32, seed=1) != nuisances(32, seed=2)
    data = Varied(Waves(12), [Nuisance(scale=s) for s in (1.0, 2.0, 3.0)])
    ratios = {round(float(data.batch([i]).fields.std() / Waves(12).batch([i]).fields.std())) for i in range(12)}
    assert ratios == {1, 2, 3}
    assert data.batch([3, 4]).fields.equal(data.batch([3, 4]).fields)
    with pytest.raises(ProtocolError, match="got none"):
        Varied(Waves(3), [])
    with pytest.raises(ProtocolError, match="from 1 to 500, got 0"):
        nuisances(0)


def test_only_what_is_asked_for_differs():
    drawn = nuisances(40, kinds=("phase", "scale"))
    assert {(one.block, one.gap) for one in drawn} == {(1, None)}
    assert len({one.phase for one in drawn}) > 8
    assert sorted(one.scale for one in nuisances(5, kinds=("scale",))) == [0.8, 0.9, 1.0, 1.1, 1.25]
    with pytest.raises(ProtocolError, match="in scale are counted from 1 to 5, got 6"):
        nuisances(6, kinds=("scale",))
    with pytest.raises(ProtocolError, match=r"differ in phase, block, gap, scale, got \['sclae'\]"):
        nuisances(6, kinds=("sclae",))


def test_what_chooses_the_best_step_varies_too_and_what_scores_does_not():
    data = TrainingVaried(Trajectories(), [Nuisance(scale=2.0)])
    plain = Trajectories().split("validation")
    assert data.split("validation").batch([0]).fields.std() > 1.9 * plain.batch([0]).fields.std()

    class Tested(Trajectories):
        def split(self, name):
            return self

    assert TrainingVaried(Tested(), [Nuisance(scale=2.0)]).split("test").fields.equal(Tested().fields)


def test_the_spread_has_the_worst_tenth():
    spread = Spread.of([1.0] * 18 + [3.0, 5.0])
    assert (spread.mean, spread.worst) == (1.3, 4.0)
    assert spread.deviation == pytest.approx(0.954, abs=1e-3)
    assert Spread.of([2.0, 1.0]).worst == 2.0


class Smooth(Trajectories):
    """Fields of long waves alone: what is absent can be told from what is there."""

    def __init__(self, *words):
        super().__init__(*words)
        spectrum = torch.fft.rfft2(self.fields)
        spectrum[..., 3:] = 0
        spectrum[..., 3:-2, :] = 0
        fields = torch.fft.irfft2(spectrum, s=self.fields.shape[-2:])
        self.fields = fields / fields.std((2, 3), keepdim=True)

    def split(self, name):
        number = {"train": 0, "validation": 1, "test": 2}[name]
        return Smooth(self.count, number, self.channels, self.std, self.longest)


@pytest.mark.integration
@pytest.mark.parametrize(("kinds", "unseen", "of_mean"), [(("phase", "gap"), 34, 0.9), (tuple(KINDS), 40, 1.05)])
def test_agnostic_tuning_spreads_errors_less_over_configurations_that_it_has_not_seen(kinds, unseen, of_mean):
    drawn, found, test = nuisances(16 + unseen, kinds=kinds), [], Smooth().split("test")
    for lesson in (Smooth(), TrainingVaried(Smooth(), drawn[:16])):
        rates = {"core_rate": 3e-3, "embedding_rate": 1e-2, "norm_rate": 3e-3}
        tuned = finetune(tiny_model(), lesson, steps=150, batch_size=4, validate_every=150, progress=False, **rates)
        with torch.no_grad():
            errors = [float(tuned.loss(Varied(test, [one]).batch(range(12)))) for one in drawn[16:]]
        found.append(Spread.of(errors))
    ordinary, agnostic = found
    print(ordinary, agnostic)
    assert agnostic.deviation < 0.8 * ordinary.deviation
    assert agnostic.worst < ordinary.worst
    assert agnostic.mean < of_mean * ordinary.mean
