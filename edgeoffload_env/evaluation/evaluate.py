"""``evaluate``: one policy on one scenario, measured over independent episodes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeoffload_env import policies
from edgeoffload_env._validation import check_int, fail
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation import rollout, score
from edgeoffload_env.evaluation.statistics import Interval, mean_interval
from edgeoffload_env.model import paper
from edgeoffload_env.model.effects import KINDS
from edgeoffload_env.policies.view import Floats, Policy
from edgeoffload_env.scenarios import configure, names
from edgeoffload_env.stored import game_of

METRICS = tuple(metric.name for metric in paper.METRICS)
"""Names of the metrics that every game has."""

SCORES = ("score", "gain_over_fixed")
"""Names of the utility on the scales of a scenario's stored baselines."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Results of a policy: one number per episode in each array, ``[episodes]``."""

    policy: str
    """The policy's name."""
    scenario: str | None
    """The scenario's name, None where a configuration was given."""
    config: EdgeOffloadConfig
    """The game, overrides included."""
    episodes: int
    seed: int
    metrics: dict[str, Floats]
    """One array for each metric of the game; each is an attribute too, ``result.utility``. A metric of an effect that
    is off is None."""
    score: Floats
    """(utility - floor) / (reference - floor) with the scenario's stored baselines; NaN in a game that has none, yours
    or by overrides. Reward weights, reward sharing and the observation may be overridden."""
    gain_over_fixed: Floats
    """(utility - fixed) / (reference - fixed), with the utility of the best constant assignment; NaN as ``score``."""
    diagnostics: dict[str, Floats]
    """Diagnostics that the policy reports, averaged over the slots: ``settled`` of ``best-response``, ``exact`` and
    ``gap`` of ``optimum``."""

    def __getattr__(self, name: str) -> Any:
        """Return a metric by its name."""
        metrics = self.__dict__.get("metrics", {})
        if name in metrics:
            return metrics[name]
        if name in shipped_metrics():
            return None
        raise AttributeError(f"Evaluation has no attribute {name!r}; metrics: {', '.join(metrics)}")

    def per_episode(self) -> dict[str, Floats]:
        """Return each metric, the score and the gain over ``fixed``, one number per episode."""
        return self.metrics | {name: getattr(self, name) for name in SCORES}

    def summary(self) -> dict[str, Interval]:
        """Return each metric's mean and 95 % confidence interval; see :func:`.statistics.mean_interval`.

        A single episode has means and no intervals: ``low`` and ``high`` are NaN. ``score`` and ``gain_over_fixed`` are
        NaN in games without stored baselines; :meth:`notes` says why.
        """
        return {name: mean_interval(values) for name, values in self.per_episode().items()}

    def notes(self) -> list[str]:
        """Return a line for each number that the result lacks, with the reason."""
        lines = []
        if self.episodes < 2:
            lines.append("no confidence intervals: they need at least 2 episodes")
        if np.isnan(self.score).all():
            changed = self.scenario in names() and game_of(self.config) != game_of(configure(str(self.scenario)))
            reason = (
                "the overrides change the scenario's game" if changed else "no floor and reference are stored for it"
            )
            lines.append(f"no score and no gain: {reason}")
        return lines

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row per episode.

        Columns: ``policy``, ``scenario``, ``seed``, ``episode``, the game's metrics by their names, ``score`` and
        ``gain_over_fixed`` (NaN where the game has none), and the policy's diagnostics. ``pandas.concat`` joins the
        frames of several evaluations.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("data frames need pandas: pip install pandas") from error
        of_evaluation = {"policy": self.policy, "scenario": self.scenario, "seed": self.seed}
        index = pandas.RangeIndex(self.episodes)
        return pandas.DataFrame(of_evaluation | {"episode": index} | self.per_episode() | self.diagnostics, index=index)

    def __str__(self) -> str:
        """Format one line per metric, "-" for what there is none of, and the notes."""
        title = f"{self.policy} on {self.scenario or 'a custom configuration'}, {self.episodes} episodes"
        lines = [_line(name, interval) for name, interval in self.summary().items()]
        lines += [f"{name:>16} {np.mean(values):10.4f}" for name, values in self.diagnostics.items()]
        return "\n".join([title, *lines, *self.notes()])


def _line(name: str, interval: Interval) -> str:
    if math.isnan(interval.mean):
        return f"{name:>16} {'-':>10}"
    shown = f"{name:>16} {interval.mean:10.4f}"
    return shown if math.isnan(interval.half_width) else f"{shown}  [{interval.low:.4f}, {interval.high:.4f}]"


def evaluate(
    policy: str | Policy | Callable[..., Any],
    scenario: str | EdgeOffloadConfig = "paper",
    episodes: int = 32,
    seed: int = 0,
    *,
    progress: rollout.Progress | None = None,
    **overrides: Any,
) -> Evaluation:
    """Evaluate a policy on a scenario, in float64.

    Every policy meets the same games under the same scenario, overrides, seed and number of episodes, so results can be
    compared episode by episode. A single episode has no confidence intervals (NaN). ``score`` and ``gain_over_fixed``
    are NaN where no baselines are stored for the game: in your own configurations, and where overrides change a
    scenario's game. A printed result says so. Draws from ``view.rng`` change no game. Two evaluations agree to the last
    bit unless the policy depends on anything else, as ``optimum`` with a time limit depends on the clock.

    Args:
        policy: a name of :func:`policies.names`, a :class:`.Policy`, or a rule ``f(agent, observation) -> action``.
        scenario: a name of ``scenarios.names()``, or a custom configuration.
        episodes: episodes to play, >= 1.
        seed: an integer >= 0. Its games differ from those of every ``reset(seed=...)``: any seed may be used in
            training.
        progress: called with the number of slots played since its last call, all games counted.
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: a bad argument; the message names it.
        PolicyError: a ``ValueError``: the policy's actions are not integers of shape [B, N] in the users' action space.
    """
    config = configure(scenario, **overrides)
    episodes = check_int("episodes", episodes, 1, 10**9)
    seed = check_int("seed", seed, 0, 2**128)
    player = as_policy(policy)
    if hasattr(player, "check"):
        player.check(config)
    name = name_of(player)
    measured = rollout.play(player, name, config, episodes, seed, progress)
    baselines = score.score_baselines(config)
    scores = gains = np.full(episodes, np.nan)
    if baselines is not None:
        scores = baselines.score(measured["utility"])
        gains = baselines.gain_over_fixed(measured["utility"])
    metrics = [metric.name for metric in config.schema.metrics]
    return Evaluation(
        policy=name,
        scenario=scenario if isinstance(scenario, str) else None,
        config=config,
        episodes=episodes,
        seed=seed,
        score=scores,
        gain_over_fixed=gains,
        metrics={key: values for key, values in measured.items() if key in metrics},
        diagnostics={key: values for key, values in measured.items() if key not in metrics},
    )


def shipped_metrics() -> list[str]:
    """Return the names of the metrics that some game of this package has."""
    of_effects = (metric for kind in KINDS for metric in kind.__new__(kind).metrics())  # the same for any constants
    return [metric.name for metric in (*paper.METRICS, *of_effects)]


def as_policy(policy: str | Policy | Callable[..., Any]) -> Any:
    """Return the policy given by name, as an object or as a rule.

    Raises:
        TypeError: neither a name, nor an object with ``act``, nor callable.
        ValueError: an unknown name.
    """
    if isinstance(policy, str):
        return policies.make(policy)
    if isinstance(policy, type):
        fail("policy", policy, "an instance of the class", TypeError)
    if callable(getattr(policy, "act", None)):
        return policy
    if not callable(policy):
        fail("policy", policy, "a name, an object with act(view), or a callable f(agent, observation)", TypeError)
    return policies.from_callable(policy)


def name_of(policy: Any) -> str:
    """Return the name of a policy in tables and errors."""
    name = getattr(policy, "name", None)
    return name if isinstance(name, str) else type(policy).__name__
