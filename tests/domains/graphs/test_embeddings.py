"""Embeddings are means over real tokens, of every layer."""

import numpy as np
import pytest
import torch

import humboldt
from humboldt.domains.graphs import SequenceBatch, embeddings, encode, graph_from_smiles
from humboldt.domains.graphs.embeddings import states
from humboldt.domains.graphs.vocabulary import Chemistry
from humboldt.foundations import ConfigError
from tests.domains.graphs.small import small
from tests.domains.graphs.test_properties import vocabulary


def test_embeddings_are_means_over_real_tokens():
    model = small(vocabulary(), length=40)
    found = embeddings(model, ["CCO", "nonsense", "CCCCCCC"])
    assert found.shape == (3, 3 * 16)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[0], embeddings(model, ["CCO"])[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(humboldt.embed(["CCO"], model)[0], found[0], rtol=1e-4, atol=1e-5)
    last = humboldt.embed(["CCO"], model, layers="last")
    np.testing.assert_allclose(last[0], found[0, -16:], rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="of all layers or of the last, got layers='first'"):
        embeddings(model, ["CCO"], layers="first")


def test_states_are_those_between_the_layers():
    import random

    model = small(vocabulary(), length=40)
    ids = encode(
        graph_from_smiles("CCO", Chemistry()), model.config.vocabulary, model.config.ordering, random.Random(0)
    )
    batch = SequenceBatch.of([ids], model.config.vocabulary.pad)
    with torch.no_grad():
        tokens = model.embed(batch)
        first, second = model.core.scales[0].down
        after = first(tokens)
        assert model.core.norm is not None
        expected = [tokens.x, after.x, model.core.norm(second(after).x, None)]
        found = states(model, batch)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert not model.embed._forward_hooks
    assert not first._forward_hooks
