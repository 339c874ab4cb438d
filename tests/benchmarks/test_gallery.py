"""The gallery of scenarios, from made-up rows."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.analysis.gallery import ABOUT, effects_of, gallery, grouped, highest
from benchmarks.study.store import Results
from edgeoffload_env import EdgeOffloadConfig, scenarios
from edgeoffload_env.model.effects import KINDS, active_effects


def played(folder: Path, rows: Sequence[tuple[str, str, float]]) -> Results:
    """Results with a table of shipped policies: scenario, policy and utility."""
    frame = pd.DataFrame(rows, columns=["scenario", "policy", "utility_mean"])
    utility = frame["utility_mean"]
    frame = frame.assign(utility_low=utility - 1.5, utility_high=utility + 1.5, episodes=64, seed=0, package="0")
    frame.to_csv(folder / "policies.csv", index=False)
    return Results(folder)


def test_every_scenario_is_in_a_group() -> None:
    groups = grouped()
    assert tuple(ABOUT) == tuple(groups) == scenarios.GROUPS
    assert sorted(name for names in groups.values() for name in names) == sorted(scenarios.names())
    assert groups[scenarios.HELD_OUT] == scenarios.names(held_out=True)
    for name in scenarios.names(held_out=False):
        effects = active_effects(scenarios.configure(name))
        assert bool(effects) == (name in groups[scenarios.POLICY]), name


@pytest.mark.parametrize("scenario", scenarios.names())
def test_every_effect_of_a_scenario_is_named(scenario: str) -> None:
    config = scenarios.configure(scenario)
    assert len(effects_of(config)) == len(active_effects(config))
    assert set(effects_of(config)) <= set(EdgeOffloadConfig.__dataclass_fields__)


def test_every_kind_of_effect_has_a_name() -> None:
    on: dict[str, Any] = {
        "device_queue": True,
        "uplink_queue": True,
        "forward_latency_s": 0.1,
        "elastic_servers": 1,
        "result_ratio": 0.1,
        "queue_clock": "continuous",
        "levels": {"offload_ratio": (0.5, 1.0)},
    }
    for name, value in on.items():
        config = EdgeOffloadConfig(**{name: value})
        assert effects_of(config) == [name]
    assert len(on) == len([kind for kind in KINDS if not kind.field]) + 1
    assert effects_of(EdgeOffloadConfig(slot_s=0.3, num_users=7)) == []


def test_the_highest_utility_is_compared_with_the_constant_assignment(tmp_path: Path) -> None:
    rows = [("urban", "fixed", -50.0), ("urban", "lookahead", -8.0), ("urban", "mine:policy", -1.0)]
    rows += [("paper", "greedy", -12.0), ("paper", "fixed", -11.0), ("sparse", "greedy", -7.0)]
    results = played(tmp_path, rows)
    found = [" / ".join(highest(results, name)).replace("\N{NO-BREAK SPACE}", " ") for name in ("urban", "paper")]
    assert found == ["`lookahead` -8.0 ± 1.5 / -50.0 ± 1.5 / 42.0", "`fixed` -11.0 ± 1.5 / - / -"]
    assert highest(results, "sparse")[1:] == ("-", "-")
    assert highest(results, "cloud") == ("-", "-", "-")


def test_every_scenario_is_shown_once(tmp_path: Path) -> None:
    results = played(tmp_path, [("urban", "fixed", -50.0), ("urban", "lookahead", -8.0)])
    drawn: list[str] = []

    def picture(name: str) -> tuple[str, str]:
        drawn.append(name)
        return f"small/{name}.png", f"whole/{name}.png"

    text = gallery(results, picture, "after 3 slots")
    assert sorted(drawn) == sorted(scenarios.names(held_out=False))
    cards = dict(re.findall(r"^::::\{grid-item-card\} (\S+)\n(.*?)^::::$", text, re.DOTALL | re.MULTILINE))
    assert list(cards) == drawn
    for name, card in cards.items():
        assert f"{{figure}} small/{name}.png\n:target: whole/{name}.png\n" in card
        assert scenarios.get(name).description in card
        assert all(f"`{effect}`" in card for effect in effects_of(scenarios.configure(name)))
        assert ("Not measured yet" in card) == (name != "urban")
    won = cards["urban"].replace("\N{NO-BREAK SPACE}", " ")
    assert "Highest utility: `lookahead` -8.0 ± 1.5; `fixed` has -50.0 ± 1.5, 42.0 less\n" in won
    assert "means over 64 episodes of seed 0" in text
    for name in scenarios.names(held_out=True):
        assert f"| `{name}` | {scenarios.get(name).description} | - | - | - |" in text
