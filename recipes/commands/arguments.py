"""Arguments that several commands share."""

import argparse
from pathlib import Path

from recipes.checkpoints import CHECKPOINT_INTERVAL_S


def add_run(command: argparse.ArgumentParser) -> None:
    """Add the folder of a run."""
    command.add_argument("run", type=Path, metavar="RUN", help="folder of a run")


def add_force(command: argparse.ArgumentParser) -> None:
    """Add the switch without which no file is overwritten."""
    command.add_argument("--force", action="store_true", help="overwrite the file")


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
