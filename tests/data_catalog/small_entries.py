"""Entries for tests, and the text of one."""

from typing import Any

from humboldt.data_catalog import Entry

TEXT = """\
schema: 1
id: weather.small
version: 1.0.0
title: A small field
licence: CC-BY-4.0
redistribution: allowed
citation: {text: Nobody (2001), doi: 10.5281/zenodo.1}
source:
  kind: files
  files:
  - {path: a.nc, url: 'https://example.org/a.nc', bytes: 3}
dims: {time: time, space: [latitude, longitude], level: level}
sizes: {latitude: 32, longitude: 64}
calendar: noleap
grid: {type: regular_latlon, periodic: [longitude], extent: {latitude: [-90, 90], longitude: [0, 354.375]}}
levels:
  pressure: {values: [500, 850], units: hPa}
variables:
  u: {units: m s-1, standard_name: eastward_wind, levels: pressure}
  orography: {units: m, role: static}
splits:
  along: time
  gap: 10
  train: {first: 2001-01-01, last: 2001-06-30}
  test: {first: 2001-07-11, last: 2001-12-31}
statistics:
  over: train
  by: Humboldt
  variables:
    u: {mean: 1.0, std: 2.0}
chunking: {time: 1}
"""


def small(**changes: Any) -> dict[str, Any]:
    """The keys of the least entry, with changes; a value of None takes a key out."""
    data = {
        "schema": 1,
        "id": "pde.small",
        "version": "1.0.0",
        "title": "Small",
        "licence": "CC0-1.0",
        "citation": {"text": "Nobody"},
        "source": {"kind": "files", "files": [{"path": "a.nc"}]},
        "variables": {"u": {"units": "m s-1"}},
    }
    return {key: value for key, value in {**data, **changes}.items() if value is not None}


def entry(**changes: Any) -> Entry:
    """The least entry, with changes."""
    return Entry.from_data(small(**changes))
