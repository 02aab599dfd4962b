"""Which frames make a sample."""

import cftime
import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather.samples import enumerate_samples

EVEN = list(np.datetime64("2020-01-01T00") + np.arange(5) * np.timedelta64(6, "h"))


def test_hours_are_computed_from_uneven_times():
    times = [EVEN[0], EVEN[1], EVEN[2], EVEN[4]]
    found = enumerate_samples(times)
    assert [(s.inputs, s.target, s.lead_time, s.input_time) for s in found] == [
        ((0, 1), 2, 6.0, 6.0),
        ((1, 2), 3, 12.0, 6.0),
    ]


def test_steps_and_lead_times_are_looked_up():
    found = enumerate_samples(EVEN, input_steps=[6, 12], lead_times=[0, 6, 12, -6])
    last = [s for s in found if s.inputs[-1] == 3]
    assert [(s.inputs, s.target, s.lead_time) for s in last] == [
        ((2, 3), 3, 0.0), ((2, 3), 4, 6.0), ((2, 3), 1, -6.0), ((1, 3), 3, 0.0), ((1, 3), 4, 6.0), ((1, 3), 0, -6.0),
    ]  # fmt: skip


def test_inference_needs_no_target():
    found = enumerate_samples(EVEN[:2], lead_times=[24], targets=False)
    assert [(s.inputs, s.target, s.lead_time) for s in found] == [((0, 1), None, 24.0)]


def test_any_calendar_and_members():
    times = [cftime.Datetime360Day(2000, 2, 29), cftime.Datetime360Day(2000, 2, 30), cftime.Datetime360Day(2000, 3, 1)]
    found = enumerate_samples(times, members=2)
    assert [(s.lead_time, s.member) for s in found] == [(24.0, 0), (24.0, 1)]
    assert len(enumerate_samples(times, input_times=1)) == 2


def test_refusals():
    with pytest.raises(DataError, match=r"no frames fit; the 5 frames are \[6.0\] hours apart"):
        enumerate_samples(EVEN, lead_times=[7])
    with pytest.raises(
        DataError, match=r"a sample has 2 states, got data with 1 times; leave the ones before in them, too"
    ):
        enumerate_samples(EVEN[:1], lead_times=[0], targets=False)
    with pytest.raises(DataError, match=r"hours between states are positive, got input_steps=\[-6\]"):
        enumerate_samples(EVEN, input_steps=[-6], lead_times=[6])
