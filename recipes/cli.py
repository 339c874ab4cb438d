"""Command line ``python -m recipes``; each command is a module of :mod:`recipes.commands`."""

import argparse
import sys
import traceback
from collections.abc import Sequence

from edgeoffload_env._validation import check_known
from edgeoffload_env.cli_completion import complete
from edgeoffload_env.cli_parser import Parser
from recipes import registry
from recipes.commands import evaluate, export, ls, play, plot, sweep, train
from recipes.commands.exit_codes import FAILED, REFUSED, STOPPED
from recipes.errors import RunError, TrainingError, UnexpectedError, UsageError

PROGRAM = "python -m recipes"
COMMANDS = {
    "ls": ls,
    "train": train,
    "sweep": sweep,
    "evaluate": evaluate,
    "plot": plot,
    "play": play,
    "export": export,
}


class _Parser(Parser):
    refusal = UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, see :mod:`recipes.commands.exit_codes`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        options = parse(arguments)
        return int(options.run_command(options) or 0)
    except (UsageError, RunError) as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return REFUSED
    except TrainingError as error:
        if isinstance(error, UnexpectedError):  # a bug of the environment or of this package
            traceback.print_exception(error.__cause__)
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{PROGRAM}: stopped", file=sys.stderr)
        return STOPPED


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of any command; the result's ``run_command`` executes it.

    Raises:
        UsageError: invalid arguments.
    """
    if arguments and not arguments[0].startswith("-"):
        try:
            check_known("command", arguments[0], COMMANDS)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if arguments and arguments[0] == "train":
        arguments = ["train", *train.algorithm_first(arguments[1:])]
    parser = _Parser(prog=PROGRAM, description="Train offloading policies, and evaluate, plot or export them.")
    commands = parser.add_subparsers(title="commands", parser_class=_Parser, required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        text = module.HELP
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.set_defaults(run_command=module.run)
        module.add_arguments(command)
    complete(parser, **dict.fromkeys(("algorithm", "algorithms"), registry.ALGORITHMS))
    return parser.parse_args(arguments)
