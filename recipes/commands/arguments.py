"""Arguments that several commands share."""

import argparse
from pathlib import Path

from recipes.checkpoints import CHECKPOINT_INTERVAL_S
from recipes.errors import UsageError


def add_run(command: argparse.ArgumentParser) -> None:
    """Add the folder of a run."""
    command.add_argument("run", type=Path, metavar="RUN", help="folder of a run")


def add_force(command: argparse.ArgumentParser) -> None:
    """Add the switch without which no file is overwritten."""
    command.add_argument("--force", action="store_true", help="overwrite the file")


def check_new(path: Path | None, force: bool) -> None:
    """Check that a file to write is not there, or may be overwritten.

    Raises:
        UsageError: it exists, and ``--force`` is not given.
    """
    if path is not None and path.exists() and not force:
        raise UsageError(f"{path} exists; add --force to overwrite it")


def add_session(command: argparse.ArgumentParser) -> None:
    """Add the arguments of a training session, which do not affect results and may differ when a run is resumed."""
    command.add_argument(
        "--address", metavar="ADDRESS", help="address of a running Ray cluster, or auto for this machine's cluster"
    )
    command.add_argument(
        "--checkpoint-every",
        type=float,
        default=CHECKPOINT_INTERVAL_S,
        metavar="SECONDS",
        help=f"seconds between checkpoints, the most that a killed process loses (default: {CHECKPOINT_INTERVAL_S:g})",
    )
