import copy

import pytest
import torch

from humboldt.adapting import finetune
from humboldt.foundations import ConfigError
from humboldt.releasing import redistilled, with_fresh_head, with_noise
from tests.finetune.tiny import tiny_model
from tests.humboldt.test_adapting import Trajectories

CHOICES = {"steps": 6, "batch_size": 6, "core_rate": 1e-3, "progress": False}


def tuned():
    return finetune(tiny_model(), Trajectories(), **CHOICES)


def test_a_fresh_head_has_nothing_of_the_tuned_one_and_the_trunk_is_whole():
    model = tuned()
    made = with_fresh_head(model, seed=5)
    for name, parameter in made.core.named_parameters():
        assert parameter.equal(model.core.get_parameter(name)), name
    same = [p.equal(q) for p, q in zip(made.head.parameters(), model.head.parameters(), strict=True) if p.std() > 0]
    assert same
    assert not any(same)
    for name, value in made.head.named_buffers():
        assert value.equal(model.head.get_buffer(name)), name
    assert made.provenance["release"] == {"head": "fresh", "seed": 5}


def test_noise_has_the_share_of_what_changed_and_leaves_the_rest():
    base = tiny_model()
    model = copy.deepcopy(base)
    with torch.no_grad():
        model.core.scales[0].down[0].feed_forward.expand.weight.add_(0.1)
    made = with_noise(model, base, 0.5)
    changed = [n for n, p in made.named_parameters() if not p.equal(model.get_parameter(n))]
    assert changed == ["core.scales.0.down.0.feed_forward.expand.weight"]
    noise = made.get_parameter(changed[0]) - model.get_parameter(changed[0])
    assert float(noise.detach().std()) == pytest.approx(0.05, rel=0.2)
    assert all(p.equal(q) for p, q in zip(with_noise(model, base, 0).parameters(), model.parameters(), strict=True))
    with pytest.raises(ConfigError, match=r"0 or more, got -1"):
        with_noise(model, base, -1)


def test_noise_wants_the_tensors_of_the_base():
    with pytest.raises(ConfigError, match="of this shape; merge the adapter"):
        with_noise(tiny_model(), tiny_model(skip_kind="resnet"), 0.1)


def test_a_student_comes_nearer_to_the_teacher_without_its_data():
    teacher, public = tuned(), Trajectories(12, seed=8)
    student = redistilled(teacher, tiny_model(), public, steps=12, batch_size=6, core_rate=1e-3)
    batch = Trajectories(4, seed=9).all()
    plain = finetune(tiny_model(), public, steps=12, batch_size=6, core_rate=1e-3, progress=False)
    with torch.no_grad():
        answer = teacher(batch).fields
        distances = {n: float((m(batch).fields - answer).norm()) for n, m in (("student", student), ("plain", plain))}
    assert distances["student"] < distances["plain"]
    assert student.provenance["release"] == {"redistilled": True}
