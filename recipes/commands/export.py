"""``python -m recipes export``."""

import argparse
from pathlib import Path

from edgeoffload_env.cli_parser import message_of
from recipes.commands import arguments
from recipes.errors import UsageError
from recipes.runs import RunFolder
from recipes.trained_policy import load_trained_policy

HELP = "export each user's actor as a file that needs only torch"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments.add_run(command)
    command.add_argument("folder", type=Path, metavar="DIR", help="folder to write into; new or empty")


def run(options: argparse.Namespace) -> None:
    """Write the files."""
    folder = RunFolder.open(options.run)
    try:
        policy = load_trained_policy(folder)
    except ImportError as error:
        raise UsageError(str(error)) from error
    from recipes.joint.export import export_policy
    from recipes.joint.policy import NetworkPolicy

    if not isinstance(policy, NetworkPolicy):
        raise UsageError(
            f"{folder.settings.algorithm} cannot be exported; its networks are RLlib modules in the run's checkpoints"
        )
    try:
        files = export_policy(policy, folder.settings.env_config, options.folder)
    except OSError as error:
        raise UsageError(message_of(error)) from error
    print(f"{options.folder}: {', '.join(path.name for path in files)}; README.md explains how to use them")
