import pytest

from humboldt.licence import LicenceError, chosen, inherited


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["CC0-1.0", "MIT", "CC-BY-4.0"], "Apache-2.0"),
        (["CC-BY-SA-4.0", "MIT"], "CC-BY-SA-4.0"),
        (["CC-BY-NC-4.0", "Apache-2.0"], "CC-BY-NC-4.0"),
        (["CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC0-1.0 AND CC-BY-4.0 AND CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["GPL-3.0-or-later OR MIT"], "GPL-3.0-or-later"),
        (["LicenseRef-mine OR MIT"], "Apache-2.0"),
    ],
)
def test_weights_inherit_the_terms_of_their_data(terms, expected):
    assert inherited({f"data {n}": licence for n, licence in enumerate(terms)}) == expected


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (["CC-BY-SA-4.0", "GPL-3.0-only"], r"cannot meet terms that exclude each other \(0: CC-BY-SA-4.0; 1: GPL-3.0"),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "exclude each other"),
        (["CC-BY-ND-4.0"], r"the terms of 0 \(CC-BY-ND-4.0\) do not say that works made from it may be passed on"),
        (["LicenseRef-WorldClim"], "do not say that works made from it may be passed on"),
        ([None], r"those of 0 are not known; find them and say licences=\{'0': '...'\}"),
        (["unknown"], "are not known"),
    ],
)
def test_terms_that_cannot_be_met_are_refused(terms, message):
    with pytest.raises(LicenceError, match=message):
        inherited({str(n): licence for n, licence in enumerate(terms)})


def test_a_wish_is_granted_where_the_terms_allow_it():
    assert chosen("MIT", {"a": "CC0-1.0"}) == "MIT"
    with pytest.raises(LicenceError, match=r"made from a are under CC-BY-NC-4.0, got licence='MIT'; leave it out"):
        chosen("MIT", {"a": "CC-BY-NC-4.0"})
    with pytest.raises(LicenceError, match=r"an SPDX identifier such as Apache-2.0, got 'free'"):
        chosen("free", {"a": "CC0-1.0"})
