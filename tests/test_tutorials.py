"""Tutorials run as they stand; those of other people's learners in ``tests/clients``."""

import re

import pytest
import torch

from edgeoffload_env import edgeoffload_v0
from tests.clients.masks import assert_heeded
from tests.pages import MASKS, ROOT, TUTORIALS, code_blocks, run_masks, run_tutorial, sections

HERE = ("first-steps", "own-scenario-and-policy", "torch-loop", "plan-by-simulation")
CLIENT_TESTS = sorted((ROOT / "tests" / "clients").glob("test_*.py"))
CLIENTS = " ".join(path.read_text(encoding="utf-8") for path in CLIENT_TESTS)


@pytest.mark.parametrize("name", HERE)
def test_it_runs(name, tmp_path):
    assert run_tutorial(name, tmp_path, warnings="error")


def test_every_tutorial_is_tried_somewhere():
    for path in TUTORIALS.glob("*.md"):
        assert code_blocks(path.read_text(encoding="utf-8"))
        assert path.stem in HERE or f'run_tutorial("{path.stem}"' in CLIENTS, path.name


def test_pages_of_other_learners_install_the_versions_that_they_are_tested_with():
    """A newer version of a learner may break its page; each page names what its test installs."""
    for file in CLIENT_TESTS:
        name = file.stem.removeprefix("test_")
        pins = f"-r tests/clients/pins/{name}.txt -e ." if name != "rllib" else "-c constraints.txt -e '.[rllib]'"
        assert (ROOT / pins.split()[1]).is_file()
        for page in re.findall(r'run_tutorial\("([\w-]+)"', file.read_text(encoding="utf-8")):
            about = (TUTORIALS / f"{page}.md").read_text(encoding="utf-8").partition("```python")[0]
            assert re.findall(r"pip install ([^`]+)`", about) == [pins], page


def test_masks_of_pettingzoo():
    assert not run_masks("PettingZoo")["env"].agents  # played to its end


def test_masks_of_a_loop():
    """Its choices are those of the first slot's masks."""
    torch.manual_seed(0)
    page = run_masks("A loop on `vector_env`")
    _, info = edgeoffload_v0.vector_env(16, "urban", backend="torch").reset(seed=0)
    assert_heeded(page["actions"], info["action_mask"])


def test_every_section_on_masks_is_tried_somewhere():
    programs = {heading for heading, text in sections(MASKS.read_text(encoding="utf-8")).items() if code_blocks(text)}
    here = {"PettingZoo", "A loop on `vector_env`"}
    assert here < programs
    assert [heading for heading in programs - here if f'"{heading}"' not in CLIENTS] == []
