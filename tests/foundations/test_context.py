"""What a forward pass is told, and how it comes to those that need it."""

import pytest
import torch

from humboldt.foundations import ConfigError, Context, Tokens, evaluating


def test_what_is_known_of_a_sample_comes_to_each_of_its_rows():
    context = Context()
    context.tokens = Tokens(torch.zeros(6, 4, 8))  # two samples of three rows, sample by sample
    with context.at(task=torch.tensor([7, 9])):
        assert context.need("task", "a reader").tolist() == [7, 7, 7, 9, 9, 9]
    with context.at(task=torch.arange(6)):
        assert context.need("task", "a reader").tolist() == [0, 1, 2, 3, 4, 5]


def test_rows_that_cannot_be_shared_out_are_refused():
    context = Context()
    context.tokens = Tokens(torch.zeros(5, 4, 8))
    with (
        context.at(task=torch.tensor([7, 9])),
        pytest.raises(ConfigError, match=r"as many rows of tokens, got 5 rows for a task of 2 samples; tell one value"),
    ):
        context.need("task", "a reader")


def test_what_nobody_told_is_asked_for():
    with pytest.raises(ConfigError, match=r"a reader reads the task of a forward pass, got none; use with model"):
        Context().need("task", "a reader")


@pytest.mark.parametrize("before", [True, False])
def test_a_model_is_in_the_mode_of_before_after_an_evaluation_and_after_an_error(before):
    module = torch.nn.Dropout().train(before)
    with evaluating(module):
        assert not module.training
    assert module.training is before
    with pytest.raises(KeyError), evaluating(module):
        raise KeyError
    assert module.training is before
