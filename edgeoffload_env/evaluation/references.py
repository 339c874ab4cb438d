"""Search for the floor, the reference and the best constant assignment of every scenario."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from edgeoffload_env import policies
from edgeoffload_env._version import __version__
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation.evaluate import Evaluation, evaluate
from edgeoffload_env.evaluation.rollout import Progress
from edgeoffload_env.evaluation.score import Baseline, ScoreBaselines
from edgeoffload_env.evaluation.search import search_fixed
from edgeoffload_env.policies.optimum import is_quick
from edgeoffload_env.stored import game_of

FORMAT_VERSION = 0


class Sample(NamedTuple):
    """Games that policies are evaluated on."""

    seed: int
    episodes: int


SELECTION = Sample(seed=1_000, episodes=64)
"""Games for comparing the candidates, the same for all."""
MEASUREMENT = Sample(seed=2_000, episodes=2048)
"""New games for the stored utilities: on the selection games the best candidate is biased upwards."""
MEASUREMENT_OF = {
    "optimum": Sample(seed=2_000, episodes=256),
    "lookahead": Sample(seed=2_000, episodes=512),
}
"""Fewer games for slow policies."""

DRIFT_PRICES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Coarse grid of prices for ``drift-plus-penalty``."""
_DRIFT_ZOOMS = (3**0.5, 3**0.25, 3**0.125)  # then the best price is multiplied and divided by each of these in turn
LOOKAHEAD_PRICES = (10.0, 30.0, 100.0, 300.0, 1000.0)
"""Coarse grid of prices for ``lookahead``."""
_LOOKAHEAD_ZOOMS = (3**0.5,)
NOISES_S = (0.0, 0.03, 0.1, 0.3, 1.0)
"""Scales of the noise for ``herd``."""
TUNED = ("fixed", "herd", "drift-plus-penalty", "lookahead")
"""Policies whose parameters are searched."""


class Candidate(NamedTuple):
    """A policy of the search and its utility on the selection games."""

    policy: str
    parameters: dict[str, Any]
    utility: float


def find_baselines(
    config: EdgeOffloadConfig, progress: Progress | None = None
) -> tuple[ScoreBaselines, list[Candidate]]:
    """Find the baselines of a scenario; also return the candidates, best first.

    Args:
        config: the scenario's configuration.
        progress: as in :func:`evaluate`.
    """

    def candidate(name: str, **parameters: Any) -> Candidate:
        result = _play(name, parameters, config, SELECTION, progress)
        return Candidate(name, parameters, float(result.utility.mean()))

    def best_price(name: str, prices: Sequence[float], zooms: Sequence[float]) -> list[Candidate]:
        found = [candidate(name, price=price) for price in prices]
        for zoom in zooms:
            best = max(found, key=_utility).parameters["price"]
            found += [candidate(name, price=float(f"{best * factor:.2g}")) for factor in (1.0 / zoom, zoom)]
        return found

    candidates = [candidate(name) for name in policies.names() if name not in (*TUNED, "optimum")]
    floor = max((c for c in candidates if c.policy in ("random", "local")), key=_utility)
    counts = search_fixed(config, SELECTION.episodes, SELECTION.seed, progress=progress)
    fixed = candidate("fixed", counts=list(counts))
    candidates += [fixed, *(candidate("herd", noise_s=noise_s) for noise_s in NOISES_S)]
    candidates += best_price("drift-plus-penalty", DRIFT_PRICES, _DRIFT_ZOOMS)
    candidates += best_price("lookahead", LOOKAHEAD_PRICES, _LOOKAHEAD_ZOOMS)
    if is_quick(config):
        candidates.append(candidate("optimum"))
    candidates.sort(key=_utility, reverse=True)
    baselines = ScoreBaselines(
        floor=_measured(floor, config, progress),
        reference=_measured(candidates[0], config, progress),
        fixed=_measured(fixed, config, progress),
    )
    return baselines, candidates


def build(
    games: Mapping[str, EdgeOffloadConfig], command: str, progress: Progress | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Build the data file: yield each scenario's name, and the content so far.

    Args:
        games: configurations of the scenarios to measure, by name.
        command: command line to record in the file.
        progress: as in :func:`evaluate`.
    """
    content: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "command": command,
        "package": __version__,
        "selection": SELECTION._asdict(),
        "measurement": MEASUREMENT._asdict(),
        "measurement_of": {name: sample._asdict() for name, sample in MEASUREMENT_OF.items()},
        "scenarios": {},
    }
    entries: dict[str, dict[str, Any]] = {}  # by game: scenarios may differ in their rewards alone
    for name, config in games.items():
        game = game_of(config)
        key = json.dumps(game)
        if key not in entries:
            baselines, candidates = find_baselines(config, progress)
            best = {c.policy: c._asdict() for c in reversed(candidates)}  # the first of each policy is its best
            selected, runner_up, *_ = sorted(best.values(), key=lambda c: c["utility"], reverse=True)
            tuned = {policy: best[policy] for policy in TUNED}
            found = {"selected": selected, "runner_up": runner_up, "tuned": tuned, "game": game}
            entries[key] = dataclasses.asdict(baselines) | found
        content["scenarios"][name] = entries[key]
        yield name, content


def _play(
    name: str, parameters: dict[str, Any], config: EdgeOffloadConfig, sample: Sample, progress: Progress | None
) -> Evaluation:
    policy = policies.make(name, **parameters)
    return evaluate(policy, config, episodes=sample.episodes, seed=sample.seed, progress=progress)


def _measured(candidate: Candidate, config: EdgeOffloadConfig, progress: Progress | None) -> Baseline:
    sample = MEASUREMENT_OF.get(candidate.policy, MEASUREMENT)
    result = _play(candidate.policy, candidate.parameters, config, sample, progress)
    utility = result.summary()["utility"]
    return Baseline(
        policy=candidate.policy,
        parameters=candidate.parameters,
        utility=utility.mean,
        low=utility.low,
        high=utility.high,
        episodes=sample.episodes,
    )


def _utility(candidate: Candidate) -> float:
    return candidate.utility
