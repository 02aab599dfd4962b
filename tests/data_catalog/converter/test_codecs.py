"""The codec is chosen by what it leaves of the data."""

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.data_catalog.converter.codecs import CODECS, fastest_worth_it, measure_codecs, require_codec


def test_noise_is_left_alone_and_what_repeats_is_packed():
    noise = np.random.default_rng(0).integers(0, 2**32, 4096, dtype=np.uint32).view(np.float32)
    measured = measure_codecs([noise])
    assert [m.codec for m in measured] == list(CODECS)
    assert fastest_worth_it(measured).codec == "none"
    waves = np.sin(np.linspace(0, 20, 4096)).astype(np.float32).round(2)
    packed = measure_codecs([waves, waves * 2])
    best = fastest_worth_it(packed)
    assert best.codec != "none"
    assert best.size <= 1.1 * min(m.size for m in packed)
    assert best.size < 0.6


def test_unknown_codecs_are_refused():
    with pytest.raises(DataError, match=r"a codec is one of auto, none, .*got 'zst'; did you mean 'zstd'"):
        require_codec("zst")
