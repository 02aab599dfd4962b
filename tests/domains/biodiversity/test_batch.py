"""The batch checks itself and moves on by a month."""

import pytest
import torch

from tests.domains.biodiversity.small_bioanalyst import months, small


def test_a_month_later_the_prediction_is_the_last_month():
    batch = months(small(), month=torch.tensor([12, 3]))
    predicted = torch.rand_like(batch.fields[:, :, 0])
    later = batch.advanced(predicted)
    assert torch.equal(later.fields[:, :, 0], batch.fields[:, :, 1])
    assert torch.equal(later.fields[:, :, 1], predicted)
    assert later.month.tolist() == [1, 4]
    assert (later.step, later.target) == (1, None)


def test_only_floating_tensors_change_their_type():
    batch = months(small()).to("cpu", torch.float64)
    assert batch.fields.dtype == torch.float64
    assert batch.month.dtype == torch.int64


def test_calendar_months_are_checked():
    with pytest.raises(ValueError, match=r"calendar months are 1 to 12, got \[0, 1\]"):
        months(small(), month=torch.tensor([0, 1]))
