import pytest

from humboldt.data_catalog import DataError
from humboldt.data_catalog.catalog.licences import forbids_redistribution, require_redistribution, spdx


@pytest.mark.parametrize("text", ["CC-BY-4.0", "MIT OR Apache-2.0", "LicenseRef-WorldClim", "CC0-1.0 AND CC-BY-NC-4.0"])
def test_spdx_expressions(text):
    assert spdx(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CC-BY-4", "got 'CC-BY-4'; did you mean 'CC-BY-4.0'"),
        ("Creative Commons", "an SPDX expression"),
        ("", "got ''"),
        ("((", "an SPDX expression"),
        ("MIT AND", "an SPDX expression"),
    ],
)
def test_other_texts(text, message):
    with pytest.raises(DataError, match=message):
        spdx(text)


@pytest.mark.parametrize(
    ("attributes", "forbidden"),
    [
        ({"license": "CMIP5 terms of use; Redistribution prohibited"}, True),
        ({"redistribution": "no"}, True),
        ({"terms_of_use": "You may not redistribute these data"}, True),
        ({"license": "redistribution is not allowed without permission"}, True),
        ({"license": "CC BY 4.0", "history": "redistribution prohibited"}, False),
        ({"license": "CC BY-SA 4.0: redistribution under the same terms"}, False),
        ({}, False),
    ],
)
def test_what_a_file_says_of_passing_it_on(attributes, forbidden):
    assert (forbids_redistribution(attributes) is not None) == forbidden


def test_what_may_not_be_passed_on_is_refused():
    require_redistribution("a", "unknown", None)
    with pytest.raises(DataError, match=r"terms of pde.a .LicenseRef-X. forbid redistribution"):
        require_redistribution("pde.a", "forbidden", "LicenseRef-X")
