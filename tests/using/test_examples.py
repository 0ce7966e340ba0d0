"""The examples in docstrings run as they stand."""

import doctest

import pytest

from p2w.base.base_model import load_model
from p2w.using.adapter import Adapter
from p2w.using.generator import Generator


def run(kind, **names):
    """Run the examples in a class's docstring; whether there were some, and none failed."""
    (test,) = doctest.DocTestFinder(recurse=False).find(kind, kind.__name__, globs=names)
    runner = doctest.DocTestRunner()
    runner.run(test)
    return runner.tries > 0 and runner.failures == 0


def test_of_an_adapter(generated, tiny_base_model):
    assert run(Adapter, Adapter=Adapter, folder=generated, base_model=load_model(tiny_base_model))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_of_the_generator_that_comes_with_the_package(tmp_path):
    assert run(Generator, folder=tmp_path / "mine")
    assert (tmp_path / "mine/adapter_model.safetensors").is_file()
