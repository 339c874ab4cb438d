"""Tiny settings, and what runs and sweeps leave behind."""

import csv
from pathlib import Path
from typing import Any

from recipes.runs import RunFolder

TINY = [
    *(
        "--set",
        "env.num_users=3",
        "--set",
        "env.max_cycles=10",
        "--set",
        "hidden=(8,)",
        "--set",
        "num_envs_per_env_runner=4",
    ),
]
TINY_DQN = [*TINY, "--set", "num_steps_sampled_before_learning_starts=40", "--set", "train_batch_size_per_learner=4"]
TINY_TRAIN = ["train", "idql-tolb", "--env-steps", "4000", "--checkpoint-every", "0", *TINY_DQN]

TINY_TRAIN_SEVERAL = [
    *("train", "dtomalb-equivariant", "--scenario", "sparse", "paper", "--env-steps", "1600"),
    *("--checkpoint-every", "0", *TINY_DQN[4:]),  # without fields of the environment
]


def checkpoints(folder: Path) -> list[Path]:
    """List a run's checkpoints in order."""
    return sorted(path for path in (folder / "checkpoints").glob("*") if path.name.isdigit())


def rows_without_times(folder: Path) -> list[dict[str, str]]:
    """Return the rows of progress.csv without the columns of times."""
    rows = RunFolder.open(folder).rows()
    return [{name: text for name, text in row.items() if name not in ("wall_s", "env_steps_per_s")} for row in rows]


def outcome(folder: Path) -> dict[str, Any]:
    """Return all results of a finished run without times."""
    summary = RunFolder.open(folder).summary
    assert summary is not None
    results = {name: summary.get(name) for name in ("env_steps", "evaluation", "final", "also")}
    return {"rows": rows_without_times(folder), **results}


def unfinished_files(folder: Path) -> list[Path]:
    """List the temporary files of interrupted writes."""
    return [path for path in folder.rglob("*") if "unfinished" in path.name]


def table(sweep: Path) -> list[dict[str, str]]:
    """Return the rows of a sweep's results.csv."""
    with (sweep / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def table_without_times(sweep: Path) -> list[dict[str, str]]:
    """Return the rows of a sweep's results.csv without the column of times."""
    return [{name: text for name, text in row.items() if name != "wall_s"} for row in table(sweep)]
