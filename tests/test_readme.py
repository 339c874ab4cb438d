"""The README's code runs, as does that of the pages it leads to, and what it says of the environment is so."""

import re

import pettingzoo
import pytest

from benchmarks.analysis.pages import PAGES, with_tables
from benchmarks.study.store import RESULTS, Results
from edgeoffload_env import edgeoffload_v0, observation, scenarios
from recipes import registry
from tests.pages import ROOT, code_blocks, run_block

PAGES_WITH_CODE = ("README.md", "docs/views.md", "docs/training.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
TO_CODE = (ROOT / "docs/paper-to-code.md").read_text(encoding="utf-8")
STORED = Results(RESULTS)  # one for all pages: it keeps what several of them need
BLOCKS = {page: code_blocks((ROOT / page).read_text(encoding="utf-8")) for page in PAGES_WITH_CODE}


def test_the_readme_is_short():
    assert len(README.encode()) <= 12 * 1024


@pytest.mark.parametrize(("page", "number"), [(page, n) for page, found in BLOCKS.items() for n in range(len(found))])
def test_code_block_runs(page, number, tmp_path):
    run_block(BLOCKS[page][number], tmp_path)


@pytest.mark.parametrize("page", PAGES_WITH_CODE)
def test_there_are_code_blocks(page):
    assert BLOCKS[page]


def test_all_training_scenarios_and_algorithms_are_in_the_readme():
    training = [name for name in scenarios.names() if not scenarios.get(name).held_out]
    assert [name for name in (*training, *registry.ALGORITHMS) if f"`{name}`" not in README] == []


def _fact(table, name):
    return re.search(rf"^\| {name} +\| (.*?) +\|$", table, flags=re.MULTILINE).group(1)


@pytest.mark.parametrize("table", [README, edgeoffload_v0.__doc__], ids=["README", "docstring"])
def test_what_makes_an_environment_runs_as_printed(table, tmp_path):
    """In a program that has imported nothing yet."""
    (imports,) = re.findall("`(.*?)`", _fact(table, "Import"))
    made = re.findall("`(.*?)`", _fact(table, "Creation"))
    assert len(made) == 2
    run_block("\n".join([imports, *(f"{call}.reset(seed=0)" for call in made)]), tmp_path)


@pytest.mark.parametrize("table", [README, edgeoffload_v0.__doc__], ids=["README", "docstring"])
def test_fact_table_matches_the_spaces(table):
    env = edgeoffload_v0.parallel_env("paper")
    observation, action = env.observation_space("user_0"), env.action_space("user_0")
    assert _fact(table, "Actions") == type(action).__name__
    assert _fact(table, "Parallel API") == ("Yes" if isinstance(env, pettingzoo.ParallelEnv) else "No")
    # PettingZoo's games for people have a `manual_policy`
    assert _fact(table, "Manual control") == ("Yes" if hasattr(edgeoffload_v0, "manual_policy") else "No")
    first, second, *_, last = env.possible_agents
    assert _fact(table, "Agents") == f'`agents = ["{first}", "{second}", ..., "{last}"]`'
    assert _fact(table, "Agent count") == f"{len(env.possible_agents)} (`num_users`)"
    assert _fact(table, "Action shape") == f"`{action.shape}`"
    assert _fact(table, "Action values").startswith(f"`Discrete({action.n})`")
    assert _fact(table, "Observation shape") == f"`{observation.shape}`"
    assert _fact(table, "State shape") == f"`{env.state_space.shape}`"
    for name, space in (("Observation values", observation), ("State values", env.state_space)):
        assert _fact(table, name) == f"[{space.low.min():g}, {space.high.max():g}], {space.dtype}"


def test_sizes_of_urban_in_the_readme():
    config = scenarios.configure("urban")
    sizes = (len(observation.names(config)), len(observation.state_names(config)))
    assert "a user of `urban` observes {} numbers, and its state has {}.".format(*sizes) in README


def test_paper_to_code_table_names_what_exists():
    rows = TO_CODE.split("Misprints")[0]
    fields = set(re.findall(r"`([a-z_0-9]+)` = ", rows))
    config = scenarios.configure("paper")
    assert {"num_users", "slot_s", "reward_sharing", "noise_dbm_per_hz"} <= fields
    for field in fields:
        assert hasattr(config, field), field
    functions = set(re.findall(r"`((?:channel|delay|draws|reward|routing|servers|slot)\.\w+)`", rows))
    assert len(functions) >= 12
    for function in functions:
        module, name = function.split(".")
        imported = __import__(f"edgeoffload_env.model.{module}", fromlist=[name])
        assert hasattr(imported, name), function


def test_every_config_field_is_in_the_paper_to_code_table_or_among_the_effects():
    rows = TO_CODE + (ROOT / "docs/effects.md").read_text(encoding="utf-8")
    from dataclasses import fields

    from edgeoffload_env import EdgeOffloadConfig

    left_out = {"server_hz_range", "num_servers"}
    assert [f.name for f in fields(EdgeOffloadConfig) if f.name not in left_out and f"`{f.name}`" not in rows] == []


@pytest.mark.parametrize("page", PAGES)
def test_result_tables_come_from_the_result_files(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert with_tables(text, STORED) == text


@pytest.mark.parametrize("page", PAGES)
def test_no_row_is_too_long_to_read(page):
    lengths = [len(line) for line in (ROOT / page).read_text(encoding="utf-8").splitlines()]
    assert max(lengths) < 500


def test_a_wrong_marker_is_refused():
    with pytest.raises(ValueError, match="unknown table 'polices'; did you mean 'policies'"):
        with_tables("<!-- polices -->\n<!-- /polices -->")
    with pytest.raises(ValueError, match="<!-- policies --> is not closed"):
        with_tables("<!-- policies -->\n")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert links
    for link in links:
        assert (ROOT / page).parent.joinpath(link).exists(), link
