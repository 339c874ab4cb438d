"""The gallery of scenarios: what each asks for, its effects, and which shipped policy has the highest utility.

``docs/conf.py`` writes it at every build of the documentation, with a picture of each game.
"""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd

from benchmarks.analysis.formatting import Rows, markdown, table
from benchmarks.study.store import Results, cached, select
from edgeoffload_env import EdgeOffloadConfig, policies, scenarios
from edgeoffload_env.model.effects import KINDS

_DEFAULTS = EdgeOffloadConfig()
_MARKS = (
    "the colour of a user and of a bar is a server, grey the device, a ring no task; a click opens the whole picture"
)
_SPACE = "\N{NO-BREAK SPACE}"
ABOUT = {
    scenarios.PAPER: "No effects, and servers that clear all that arrives.",
    scenarios.CROWDED: "No effects; `two-tier` has two large servers far away.",
    scenarios.POLICY: "[](effects.md) says what each effect does.",
    scenarios.HELD_OUT: "Other loads, sizes and distributions than those of the scenarios for training.",
}
"""Features that the scenarios of each group share."""


def effects_of(config: EdgeOffloadConfig) -> list[str]:
    """Return the names of the fields that switch the effects of a game on."""
    defaults, names = vars(_DEFAULTS), [field.name for field in dataclasses.fields(config)]
    alone: dict[str, Any] = {name: SimpleNamespace(**defaults | {name: getattr(config, name)}) for name in names}
    return [name for name, game in alone.items() if any(kind.of(game) is not None for kind in KINDS)]


def grouped() -> dict[str, list[str]]:
    """Return the names of all scenarios by their group, in order."""
    groups: dict[str, list[str]] = {group: [] for group in scenarios.GROUPS}
    for name in scenarios.names():
        groups[scenarios.get(name).group].append(name)
    return groups


def highest(results: Results, scenario: str) -> tuple[str, str, str]:
    """Return the shipped policy of the highest mean utility, the utility of ``fixed`` and the difference.

    Each is "-" where it is not measured or, of ``fixed``, where that is the highest.
    """
    rows = select(_shipped(results), scenario=scenario).set_index("policy")
    if not len(rows):
        return "-", "-", "-"
    best = rows["utility_mean"].idxmax()
    found = f"`{best}` {_interval(rows.loc[best])}"
    if "fixed" not in rows.index or best == "fixed":
        return found, "-", "-"
    lead = rows.loc[best, "utility_mean"] - rows.loc["fixed", "utility_mean"]
    return found, _interval(rows.loc["fixed"]), f"{lead:.1f}"


@cached
def _shipped(results: Results) -> pd.DataFrame:
    rows = results.table("policies")
    return rows[rows["policy"].isin(policies.names())]


def _interval(row: Any) -> str:
    mean, low, high = row["utility_mean"], row["utility_low"], row["utility_high"]
    return f"{mean:.1f}{_SPACE}±{_SPACE}{(high - low) / 2:.1f}"


@table("scenario | what it asks for | highest utility | `fixed` | difference")
def held_out_scenarios(results: Results) -> Rows:
    """The held-out scenarios in a row each."""
    for name in grouped()[scenarios.HELD_OUT]:
        yield f"`{name}`", scenarios.get(name).description, *highest(results, name)


def gallery(results: Results, picture: Callable[[str], tuple[str, str]], about: str) -> str:
    """Return the gallery in MyST Markdown, with the directives of ``sphinx-design``.

    Args:
        results: the stored rows.
        picture: draws a scenario and returns the paths of a small picture and of the whole one, relative to the page.
        about: the moment that the pictures show.
    """
    parts = [f"Pictures: {about}; {_MARKS}. {_games(results)}\n"]
    for group, names in grouped().items():
        if group == scenarios.HELD_OUT:
            body = markdown(held_out_scenarios(results))
        else:
            cards = "".join(_card(results, name, picture(name), about) for name in names)
            body = f":::::{{grid}} 1 1 2 2\n:gutter: 3\n:margin: 0\n:padding: 0\n\n{cards}:::::\n"
        parts.append(f"## {group}\n\n{ABOUT[group]}\n\n{body}")
    return "\n".join(parts)


def _games(results: Results) -> str:
    rows = _shipped(results)
    games = sorted(set(zip(rows["episodes"], rows["seed"], strict=True)))
    played = " or ".join(f"{episodes} episodes of seed {seed}" for episodes, seed in games)
    return f"Utilities: means over {played}, with 95 % intervals; of all policies: [](shipped-policies.md)."


def _card(results: Results, scenario: str, pictures: tuple[str, str], about: str) -> str:
    entry = scenarios.get(scenario)
    config, (best, fixed, lead) = entry.config, highest(results, scenario)
    small, whole = pictures
    size = f"{config.num_users} users, {config.servers} servers, {config.max_cycles} slots."
    effects = ", ".join(f"`{name}`" for name in effects_of(config))
    won = f"Highest utility: {best}" if best != "-" else "Not measured yet"
    won += f"; `fixed` has {fixed}, {lead} less" if fixed != "-" else ""
    return (
        f"::::{{grid-item-card}} {scenario}\n\n"
        f"```{{figure}} {small}\n:target: {whole}\n:alt: {scenario}, {about}\n:name: scenario-{scenario}\n"
        ":width: 100%\n```\n\n"
        f"{entry.description}\n\n"
        f"{size} {effects and f'Effects: {effects}.'}\n\n"
        f":::{{card-footer}}\n{won}\n:::\n::::\n\n"
    )
