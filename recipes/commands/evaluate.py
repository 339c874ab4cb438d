"""``python -m recipes evaluate``."""

import argparse
import dataclasses

from edgeoffload_env._validation import check_int
from edgeoffload_env.cli_scenarios import parse_scenario
from edgeoffload_env.evaluation import evaluate
from edgeoffload_env.evaluation.report import Report
from recipes.commands import arguments
from recipes.commands.tables import comparison_table
from recipes.errors import UsageError
from recipes.protocol import EVALUATION_EPISODES, EVALUATION_SEED
from recipes.runs import RunFolder
from recipes.trained_policy import load_trained_policy

HELP = "evaluate the greedy policy of a run beside the shipped policies"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments.add_run(command)
    command.add_argument(
        "--episodes",
        type=int,
        default=EVALUATION_EPISODES,
        metavar="K",
        help=f"episodes per policy (default: {EVALUATION_EPISODES})",
    )
    command.add_argument(
        "--seed", type=int, default=EVALUATION_SEED, help=f"seed of the episodes (default: {EVALUATION_SEED})"
    )
    command.add_argument(
        "--scenario",
        metavar="NAME",
        help="scenario to evaluate on, or module:name of a configuration (default: the run's)",
    )
    command.add_argument("--json", action="store_true", help="print all metrics of the run's policy as JSON instead")


def run(options: argparse.Namespace) -> None:
    """Print the evaluation."""
    folder = RunFolder.open(options.run)
    try:
        settings = folder.settings
    except ImportError as error:
        raise UsageError(str(error)) from error
    scenario = options.scenario or settings.scenario
    env = settings.env if scenario == settings.scenario else {}
    try:
        check_int("--episodes", options.episodes, 1, 10**9)
        check_int("--seed", options.seed, 0, 2**128)
        try:
            game = parse_scenario(scenario)
        except TypeError as error:
            raise UsageError(str(error)) from error
        policy = load_trained_policy(folder)
        result = evaluate(policy, game.config, options.episodes, options.seed, **env)
        result = dataclasses.replace(result, scenario=game.label)
    except (ImportError, ValueError) as error:
        raise UsageError(str(error)) from error
    if options.json:
        print(Report([(settings.label, result)], overrides=env).to_json())
    else:
        print(comparison_table(settings.label, result, env, options.episodes, options.seed))
