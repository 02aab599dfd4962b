"""What a function takes by name."""

import pytest

from humboldt.foundations import choose


def verb(model, *, step=None, batch_size=4):
    return model, step, batch_size


def test_choices_are_the_arguments_with_a_default():
    choose(verb, ["step", "batch_size"])
    with pytest.raises(
        ValueError, match=r"verb has the choices \['step', 'batch_size'\], got 'bach_size'; did you mean"
    ):
        choose(verb, ["bach_size"])
    with pytest.raises(ValueError, match=r"got 'model'; leave it out"):
        choose(verb, ["model"])
    choose(lambda **anything: anything, ["whatever"])
