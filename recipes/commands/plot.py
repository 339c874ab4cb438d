"""``python -m recipes plot``."""

import argparse
from pathlib import Path

from edgeoffload_env._validation import check_int
from edgeoffload_env.cli_parser import check_new, message_of
from recipes.commands import arguments
from recipes.errors import UsageError
from recipes.runs import RunFolder
from recipes.trained_policy import load_trained_policy

HELP = "plot learning curves of runs, or one episode of a run; needs the extra plot"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    command.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="folders of runs; those that differ only in seed are averaged"
    )
    command.add_argument(
        "--episode", action="store_true", help="plot an episode of one run: delays, queues, offloading targets"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of the episode (default: 0)")
    command.add_argument(
        "--out",
        type=Path,
        default=Path("plot.png"),
        metavar="FILE",
        help="file to write; its extension is the format, such as .png or .svg (default: plot.png)",
    )
    arguments.add_force(command)


def run(options: argparse.Namespace) -> None:
    """Write the figure."""
    from edgeoffload_env.rendering import inspect
    from recipes import plots

    folders = [RunFolder.open(path) for path in options.runs]
    try:
        check_new(options.out, options.force)
        if not options.episode:
            plots.plot_learning_curves(folders, options.out)
        elif len(folders) > 1:
            raise UsageError(f"--episode takes one run, got {len(folders)}")
        else:
            seed, settings = check_int("--seed", options.seed, 0, 2**128), folders[0].settings
            episode = inspect.episode_of(load_trained_policy(folders[0]), settings.env_config, seed)
            title = f"{settings.label} on {settings.scenario}, seed {settings.seed}, episode {seed}"
            inspect.draw(episode, title, options.out)
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(message_of(error)) from error
    print(options.out)
