"""What a view offers, and what the guide says of it."""

import copy
import functools
import pickle
import re
from dataclasses import fields

import numpy as np
import pytest

from edgeoffload_env import evaluate, scenarios
from edgeoffload_env.policies import PolicyView
from tests.pages import ROOT
from tests.policies.games import view_in_scenario

GUIDE = (ROOT / "docs/guides/add-a-policy.md").read_text(encoding="utf-8")


def rows_under(heading):
    """The rows of a table of the guide, by their first cell."""
    (table,) = re.findall(rf"^   \| {re.escape(heading)} \|.*\n((?:   \|.*\n)+)", GUIDE, re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()[1:]]
    return {first.strip("`"): rest for first, *rest in cells}


def test_the_guide_lists_every_part_of_a_view():
    parts = {field.name for field in fields(PolicyView)}
    parts |= {
        name
        for name, value in vars(PolicyView).items()
        if isinstance(value, property | functools.cached_property) and not name.startswith("_")
    }
    rows = rows_under("`view` has")
    assert set(rows) == parts
    view = view_in_scenario("urban", seed=0, batch=3)  # a game with masks
    users, actions = view.config.num_users, view.config.servers + 1
    sizes = {"B": 3, "N": users, "A": actions, "D": view.observation.shape[-1], "S": view.state.shape[-1]}
    for name, (shape, _) in rows.items():
        shown = re.findall(r"[A-Z]", shape)
        assert np.shape(getattr(view, name)) == tuple(sizes[letter] for letter in shown), name


def test_the_guide_lists_every_field_of_a_snapshot():
    declared = scenarios.get("paper").config.schema.snapshot
    shapes = {"user": "`[B, N]`", "server": "`[B, M]`"}
    expected = {name: [q.unit, shapes[q.scope], q.text] for name, q in declared.items()}
    assert rows_under("`view.snapshot[...]` of `paper`") == expected
    assert set(view_in_scenario("paper", seed=0).snapshot) == {*expected, "slot"}


class TestUnknownFields:
    """A misspelt field is answered with the nearest one and all there are."""

    MESSAGE = "unknown snapshot field 'server_hs'; did you mean 'server_hz'? Known: task_bits, task_cycles, device_hz, "

    @pytest.mark.parametrize("part", ["snapshot", "arrays"])
    def test_of_a_view(self, part):
        found = getattr(view_in_scenario("paper", seed=0), part)
        for arrays in (found, copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
            with pytest.raises(KeyError) as refused:
                arrays["server_hs"]
            assert refused.value.args[0].startswith(self.MESSAGE)
            assert arrays.get("server_hs") is None
            assert "server_hs" not in arrays

    def test_in_an_evaluation(self):
        class Misspelt:
            def act(self, view):
                return view.snapshot["server_hs"]

        with pytest.raises(KeyError, match=re.escape(self.MESSAGE)):
            evaluate(Misspelt(), "paper", episodes=1, max_cycles=1)
