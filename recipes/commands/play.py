"""``python -m recipes play``."""

import argparse
from pathlib import Path

from edgeoffload_env._validation import check_int
from edgeoffload_env.cli_parser import check_new, message_of
from edgeoffload_env.cli_policies import parse_policy
from edgeoffload_env.cli_scenarios import parse_scenario
from edgeoffload_env.evaluation.report import changes
from recipes.commands import arguments
from recipes.errors import UsageError
from recipes.runs import RunFolder
from recipes.trained_policy import load_trained_policy

HELP = "watch the policy of a run in a window, or record it; needs the extra render, but for .html"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments.add_run(command)
    command.add_argument(
        "--scenario", metavar="NAME", help="scenario to play, or module:name of a configuration (default: the run's)"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of the episode (default: 0)")
    command.add_argument(
        "--beside",
        metavar="POLICY",
        help="a policy to show to the right of the run's: a name, name:parameter=value, or module:factory",
    )
    command.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write a .gif or .mp4 file, or an .html page for a browser, instead of opening a window",
    )
    arguments.add_force(command)
    command.add_argument("--slots", type=int, metavar="N", help="most slots to play (default: the whole episode)")
    command.add_argument("--fps", type=int, default=5, help="slots per second (default: 5)")


def run(options: argparse.Namespace) -> None:
    """Play an episode, and print the utilities."""
    from edgeoffload_env.rendering.play import play

    folder = RunFolder.open(options.run)
    settings = folder.settings
    try:
        check_int("--seed", options.seed, 0, 2**128)
        fps = check_int("--fps", options.fps, 1, 1000)
        slots = None if options.slots is None else check_int("--slots", options.slots, 1, 10**9)
        config = settings.env_config if options.scenario is None else parse_scenario(options.scenario).config
        beside = [] if options.beside is None else [parse_policy(options.beside)]
        players = [load_trained_policy(folder), *(spec.make() for spec in beside)]
        check_new(options.record, options.force)
        utilities = play(players, config, seed=options.seed, slots=slots, record=options.record, fps=fps)
    except (TypeError, ValueError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(message_of(error)) from error
    place = options.scenario or f"{settings.scenario}{changes(settings.env)}"
    for name, utility in zip([settings.label, *(spec.label for spec in beside)], utilities, strict=True):
        print(f"{name} on {place}, seed {options.seed}: utility {utility:.3f}")
    if options.record is not None:
        print(options.record)
