"""The pages of the documentation: the first one, the contents and the reference."""

import re

import pytest

from edgeoffload_env import effects
from tests.pages import ROOT

DOCS = ROOT / "docs"
INDEX = (DOCS / "index.md").read_text(encoding="utf-8")
DOORS = dict(re.findall(r"^:::\{grid-item-card\} ([^\n]+)\n(.*?)^:::$", INDEX, re.DOTALL | re.MULTILINE))


def test_every_page_is_in_the_contents():
    toctrees = re.findall(r"^```\{toctree\}\n(.*?)^```$", INDEX, re.DOTALL | re.MULTILINE)
    lines = [line for toctree in toctrees for line in toctree.splitlines() if line and not line.startswith(":")]
    listed = [re.sub(r"^.* <(.*)>$", r"\1", line) for line in lines]
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")]
    written = {page for page in pages if not page.startswith(("_build/", "_generated/"))} - {"index"}
    assert len(listed) == len(set(listed))
    assert {page for page in listed if not page.startswith("_generated/")} == written
    assert all(":hidden:" in toctree for toctree in toctrees)


@pytest.mark.parametrize("door", ["Use the environment", "Train", "Compare and publish"])
def test_a_door_has_two_sentences_and_leads_to_pages(door):
    about, links = DOORS[door].split("\n\n", 1)
    assert len(re.findall(r"\.(?:\s|$)", about)) == 2
    targets = re.findall(r"\]\(([^)]+)\)", links)
    assert len(targets) >= 3
    assert all((DOCS / target).is_file() for target in targets)


def test_the_first_page_shows_the_game_and_the_results():
    assert "](urban.gif)" in INDEX
    assert "<!-- findings -->\n1. " in INDEX
    assert "](../benchmarks/results/figures/" in INDEX


def test_pages_say_where_the_commands_of_a_checkout_run():
    """``recipes`` and ``benchmarks`` are no part of the installed package."""
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    pages = [page for page in pages if not {"_build", "_generated"} & set(page.parts)]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    texts = {name: text for name, text in texts.items() if re.search("python -m (recipes|benchmarks)", text)}
    assert len(texts) > 10
    assert [name for name, text in texts.items() if "the checkout's root" not in text] == []


def test_every_effect_is_in_the_reference():
    reference = (DOCS / "api.md").read_text(encoding="utf-8")
    shipped = [name for name in effects.__all__ if isinstance(getattr(effects, name), type) and name != "Slot"]
    assert [name for name in shipped if f"edgeoffload_env.effects.{name}\n" not in reference] == []
