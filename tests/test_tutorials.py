"""Tutorials run as they stand; those of other people's learners in ``tests/clients``."""

import pytest

from tests.pages import TUTORIALS, code_blocks, run_tutorial

HERE = ("first-steps", "own-scenario-and-policy", "torch-loop")


@pytest.mark.parametrize("name", HERE)
def test_it_runs(name, tmp_path):
    assert run_tutorial(name, tmp_path, warnings="error")


def test_every_tutorial_is_tried_somewhere():
    clients = " ".join(path.read_text() for path in (TUTORIALS.parents[1] / "tests" / "clients").glob("test_*.py"))
    for path in TUTORIALS.glob("*.md"):
        assert code_blocks(path.read_text(encoding="utf-8"))
        assert path.stem in HERE or f'run_tutorial("{path.stem}"' in clients, path.name
