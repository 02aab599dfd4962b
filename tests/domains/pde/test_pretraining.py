"""The pretraining mixture on tiny arrays: what a seed and an index decide, and what is shown of each family."""

import numpy as np
import pytest
import torch

from humboldt.domains.pde import build, pretraining
from humboldt.domains.pde.pretraining import (
    CHANNELS,
    FRAME,
    HORIZON,
    Family,
    PretrainingPairs,
    families,
    open_mixture,
    pde_nano,
)
from humboldt.domains.pde.problems import problem

SIZE, FRAMES = 8, 21
BY_NAME = {family.name: family for family in families()}


def smooth(family: Family, samples: int = 3) -> np.ndarray:
    """[sample, time, slot, x, y]: each value says its sample, frame and slot; constant fields do not change."""
    sample, frame, slot = np.ogrid[:samples, :FRAMES, : len(family.slots)]
    moving = np.array([not s.constant for s in family.slots])
    value = 1 + sample + 0.01 * frame * moving + 10 * slot
    return np.broadcast_to(value[..., None, None], (*value.shape, SIZE, SIZE)).astype(np.float16)


def pairs(*names: str, seed: int = 0) -> PretrainingPairs:
    return PretrainingPairs({name: smooth(BY_NAME[name]) for name in names}, seed, 400, resolution=SIZE)


def test_a_seed_and_an_index_decide_a_sample():
    names = ("shallow-water", "advection", "reaction-diffusion")
    whole, alone = pairs(*names).batch(range(12)), pairs(*names).batch([7])
    other = pairs(*names, seed=1).batch(range(12))
    assert torch.equal(whole.fields[7:8], alone.fields)
    assert torch.equal(whole.target[7:8], alone.target)
    assert whole.lead_time[7] == alone.lead_time[0]
    assert not torch.equal(whole.fields, other.fields)


def test_families_fill_their_slots_and_mark_the_rest_as_known():
    for name, family in BY_NAME.items():
        batch = pairs(name).batch(range(6))
        shown = {slot.channel for slot in family.slots}
        scored = {slot.channel for slot in family.slots if not slot.constant}
        for number, channel in enumerate(CHANNELS):
            assert bool(batch.fields[:, number].any()) == (channel.name in shown)
            assert not batch.known[:, number].any() if channel.name in scored else batch.known[:, number].all()
        assert torch.equal(batch.fields[batch.known], batch.target[batch.known])


def test_lead_times_are_those_between_the_two_frames():
    batch = pairs("reaction-diffusion").batch(range(200))
    frames = ((batch.target - batch.fields)[:, 2].mean((1, 2)) / 0.01).round()
    torch.testing.assert_close(batch.lead_time, frames * FRAME, atol=1e-6, rtol=0)
    assert set(frames.int().tolist()) == set(range(round(HORIZON / FRAME) + 1))


def test_families_come_by_their_shares():
    drawn = pairs("shallow-water", "reaction-diffusion").batch(range(400))
    water, species = (BY_NAME[name].share for name in ("shallow-water", "reaction-diffusion"))
    share = water / (water + species)
    assert (~drawn.known[:, 0, 0, 0]).float().mean().item() == pytest.approx(share, abs=0.05)


def test_validation_sees_the_last_trajectories_and_training_the_others(monkeypatch):
    monkeypatch.setattr(pretraining, "_read", lambda family, *others: smooth(family, samples=10))
    train, held_out = open_mixture("stores", pairs=9, held_out=2)
    assert set(train.arrays) == set(held_out.arrays) == set(BY_NAME)
    for name, array in train.arrays.items():
        made = smooth(BY_NAME[name], samples=10)
        assert np.array_equal(array, made[:8])
        assert np.array_equal(held_out.arrays[name], made[8:])
    assert train.seed != held_out.seed


def test_the_six_of_poseidon_are_in_and_its_downstream_families_are_not():
    six = {"ns-sines", "ns-gauss", "ce-rp", "ce-crp", "ce-kh", "ce-gauss"}
    ours = {"isothermal-gas", "shallow-water", "advection", "reaction-diffusion"}
    assert set(BY_NAME) == six | ours


def test_states_and_targets_are_changed_by_one_symmetry_and_vectors_turn():
    random = np.random.default_rng(0).standard_normal((1, 1, 3, SIZE, SIZE)).astype(np.float16)
    turned = PretrainingPairs({"ns-sines": random}, 0, 9, SIZE).batch(range(20))
    assert torch.equal(turned.fields, turned.target)
    given = torch.from_numpy(random[0, 0].astype(np.float32))
    speed = given[:2].square().sum(0).flatten().sort().values
    for fields in turned.fields:
        torch.testing.assert_close(fields[:2].square().sum(0).flatten().sort().values, speed)
        assert torch.equal(fields[2].flatten().sort().values, given[2].flatten().sort().values)
    assert any(not torch.equal(f[0].flatten().sort().values, given[0].flatten().sort().values) for f in turned.fields)


def test_handed_families_are_translated_only():
    random = np.random.default_rng(0).standard_normal((1, 1, 3, SIZE, SIZE)).astype(np.float16)
    given = torch.from_numpy(random[0, 0].astype(np.float32))
    for fields in PretrainingPairs({"shallow-water": random}, 0, 9, SIZE).batch(range(20)).fields[:, :3]:
        shift = divmod(int((fields[0] == given[0, 0, 0]).flatten().int().argmax()), SIZE)
        assert torch.equal(fields, given.roll(shift, (1, 2)))


def test_what_a_mixture_says_of_itself():
    mixture = pairs("advection", "reaction-diffusion")
    assert len(mixture) == 400
    assert mixture.split("train") is mixture
    assert mixture.take(2).describe()["trajectories"] == {"advection": 2, "reaction-diffusion": 2}


def test_every_family_is_a_problem_with_its_fields_and_shares_sum_to_one():
    assert sum(f.share for f in families()) == pytest.approx(1.0)
    for family in families():
        problem(family.name, **family.choices)
        assert {slot.channel for slot in family.slots} <= {channel.name for channel in CHANNELS}
        assert any(not slot.constant for slot in family.slots)


def test_the_network_takes_the_mixture():
    with torch.device("meta"):
        model = build(pde_nano())
    assert sum(p.numel() for p in model.parameters()) < 3_000_000
    assert [c.name for c in model.config.outputs] == [c.name for c in CHANNELS]
