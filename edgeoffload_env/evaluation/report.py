"""Reports of results as a text table, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeoffload_env import policies
from edgeoffload_env._version import __version__
from edgeoffload_env.evaluation.evaluate import SCORES, Evaluation
from edgeoffload_env.evaluation.statistics import Interval

_DIAGNOSTICS = {
    "settled": "share of slots that end where no user gains by another choice",
    "exact": "share of slots with a proven optimum",
    "gap": "(mean delay - proven lower bound) / mean delay of a slot",
}
"""Diagnostics of shipped policies, in words."""

_NOT_MEASURED = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class LeftOut:
    """A policy that was not run on a scenario."""

    policy: str
    scenario: str
    reason: str

    @property
    def plain_reason(self) -> str:
        """The reason without the policy's name in front, which the reader has seen."""
        return self.reason.removeprefix(f"{self.policy}: ")

    def __str__(self) -> str:
        return f"{self.policy} left out: {self.plain_reason}"


@dataclass(frozen=True)
class Report:
    """Results on some scenarios."""

    results: Sequence[tuple[str, Evaluation]]
    """Each with its policy's label from the command line."""
    left_out: Sequence[LeftOut] = ()
    overrides: dict[str, Any] = field(default_factory=dict)

    def table(self) -> str:
        """Format a block per scenario, and what its numbers are.

        Policies are in rows and metrics in columns, as mean and half width of the interval.
        """
        blocks = []
        left_out = [entry.scenario for entry in self.left_out]
        for scenario in dict.fromkeys([*(result.scenario for _, result in self.results), *left_out]):
            rows = [(label, result) for label, result in self.results if result.scenario == scenario]
            notes = [str(entry) for entry in self.left_out if entry.scenario == scenario]
            blocks.append(_block(rows, notes, self.overrides) if rows else "\n".join([f"{scenario}:", *notes]))
        explained = _explanation(self.results)
        return "\n\n".join([*blocks, *([explained] if explained else [])])

    def to_json(self) -> str:
        """Format all results as JSON, with every episode's numbers; NaN is null."""
        content = {
            "package": __version__,
            "overrides": self.overrides,
            "results": [_as_dict(label, result) for label, result in self.results],
            "left_out": [vars(entry) for entry in self.left_out],
        }
        return json.dumps(_without_nan(content), indent=1, allow_nan=False)

    def to_csv(self) -> str:
        """Format a row per policy and scenario: mean, low and high of each metric, NaN as an empty cell."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = [*dict.fromkeys(name for _, result in self.results for name in result.metrics), *SCORES]
        ends = [f"{name}_{end}" for name in names for end in Interval._fields]
        writer.writerow(["scenario", "policy", "episodes", "seed", *ends, "package"])
        for label, result in self.results:
            summary = result.summary()
            numbers = [number for name in names for number in summary.get(name, _NOT_MEASURED)]
            cells = ["" if math.isnan(number) else repr(number) for number in numbers]
            writer.writerow([result.scenario, label, result.episodes, result.seed, *cells, __version__])
        return text.getvalue()


def changes(overrides: dict[str, Any]) -> str:
    """Return the fields that differ from the scenario's, to append to its name."""
    return "".join(f", {name} = {value}" for name, value in overrides.items())


def _block(rows: Sequence[tuple[str, Evaluation]], notes: Sequence[str], overrides: dict[str, Any]) -> str:
    result = rows[0][1]
    config = result.config
    sizes = f"{config.num_users} users, {config.servers} servers, {config.max_cycles} slots{changes(overrides)}"
    episodes = "episode" if result.episodes == 1 else "episodes"
    title = f"{result.scenario}: {sizes}; {result.episodes} {episodes}, seed {result.seed}"
    cells = [["policy", *(metric.heading for metric in config.schema.metrics), "score", "gain over fixed"]]
    cells += [[label, *(_cell(interval) for interval in row.summary().values())] for label, row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [title]
    for label, *numbers in cells:
        right = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([label.ljust(widths[0]), *right]))
    for label, row in rows:
        if row.diagnostics:
            means = ", ".join(f"{name} {np.mean(values):.4g}" for name, values in row.diagnostics.items())
            lines.append(f"{label}: {means} (means over slots)")
    return "\n".join([*lines, *result.notes(), *notes])


def _explanation(labelled: Sequence[tuple[str, Evaluation]]) -> str:
    """Explain the interval, the score, the gain and shipped policies' diagnostics, where any is shown."""
    results = [result for _, result in labelled]
    sentences = []
    if any(result.episodes > 1 for result in results):
        sentences.append("mean over episodes ± half of its 95 % confidence interval")
    if not all(np.isnan(result.score).all() for result in results):
        sentences.append(
            "score: 0 at the better of random and local, 1 at the reference, the best shipped policy; "
            "gain over fixed: 0 at the best constant assignment, 1 at the reference"
        )
    shipped = [result for label, result in labelled if label.split(":")[0] in policies.names()]
    shown = dict.fromkeys(name for result in shipped for name in result.diagnostics)
    known = [f"{name}: {_DIAGNOSTICS[name]}" for name in shown if name in _DIAGNOSTICS]
    sentences += ["; ".join(known)] if known else []
    return "\n".join(sentences)


def _cell(interval: Interval) -> str:
    """Format a mean and its half width, to two digits of the half width."""
    if math.isnan(interval.mean):
        return "-"
    half = interval.half_width
    if math.isnan(half):
        return f"{interval.mean:.4g}"
    digits = 3 if half < 1e-6 else min(6, max(0, 1 - math.floor(math.log10(half))))
    return f"{interval.mean:.{digits}f} ±{half:.{digits}f}"


def _as_dict(label: str, result: Evaluation) -> dict[str, Any]:
    return {
        "scenario": result.scenario,
        "policy": label,
        "episodes": result.episodes,
        "seed": result.seed,
        "summary": {name: interval._asdict() for name, interval in result.summary().items()},
        "per_episode": {name: values.tolist() for name, values in result.per_episode().items()},
        "diagnostics": {name: values.tolist() for name, values in result.diagnostics.items()},
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
