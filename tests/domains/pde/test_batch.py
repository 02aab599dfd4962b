"""The value that flows."""

import pytest
import torch

from humboldt.domains.pde import FieldBatch


def test_moving_changes_floating_tensors_only():
    known = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    batch = FieldBatch(torch.zeros(2, 1, 4, 4), torch.ones(2), known=known, periodic=(True, False))
    moved = batch.to("cpu", torch.float64)
    assert moved.known is not None
    assert (moved.fields.dtype, moved.lead_time.dtype, moved.known.dtype) == (torch.float64, torch.float64, torch.bool)
    assert moved.target is None
    assert moved.periodic == (True, False)
    assert batch.fields.dtype == torch.float32


def test_the_next_step_keeps_the_geometry_and_drops_the_target():
    fields = torch.zeros(2, 1, 4, 4)
    following = FieldBatch(fields, torch.ones(2), target=fields, periodic=(True, True)).at(fields + 1, torch.zeros(2))
    assert (len(following), following.target, following.periodic) == (2, None, (True, True))


def test_one_lead_time_per_sample():
    batch = FieldBatch(torch.zeros(2, 1, 4, 4), torch.ones(2))
    object.__setattr__(batch, "lead_time", torch.ones(3))  # past the checks of shapes, which only tests have
    with pytest.raises(ValueError, match="one lead time per sample, got 3 for 2 samples"):
        batch.__post_init__()
