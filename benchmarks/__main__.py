"""Measure speed, reproduce the study, and update results and docs: ``python -m benchmarks COMMAND``."""

# PYTHON_ARGCOMPLETE_OK
import argparse
import importlib
import os
import sys

COMMANDS = {
    "reproduce": ("benchmarks.study.reproduce", "train missing runs, store their rows, draw figures, update docs"),
    "judge": ("benchmarks.study.judge", "evaluate any policy and put it on the leaderboard"),
    "check": ("benchmarks.study.check", "judge submitted policies again, and compare with their rows"),
    "policies": ("benchmarks.study.policies", "measure again all results that need no training"),
    "tune": ("benchmarks.study.halving", "search for hyper-parameters, alike for every algorithm"),
    "tuned": ("benchmarks.study.tuning", "store the results of a hyper-parameter search"),
    "slopes": ("benchmarks.study.slopes", "slopes of DTOMALB's critics against their values"),
    "verdicts": ("benchmarks.study.verdict_rates", "error rates and power of the verdicts, by simulation"),
    "pages": ("benchmarks.analysis.pages", "write the tables of the README and of docs/ from the results"),
    "throughput": ("benchmarks.speed.throughput", "steps per second of every view against yardsticks"),
    "training": ("benchmarks.speed.training", "speed of sampling, of an update and of whole trainings"),
    "updates": ("benchmarks.speed.updates", "time of an update with other critics, in bfloat16, and compiled"),
    "scaling": ("benchmarks.speed.scaling", "cost over users, servers, games and workers"),
    "soak": ("benchmarks.speed.soak", "memory and means of long runs"),
    "gpu": ("benchmarks.speed.gpu", "the torch backend on a GPU against the memory bandwidth"),
    "agilerl-worker": ("benchmarks.speed.agilerl_maddpg", "AgileRL's MADDPG, started by training --agilerl"),
}
"""Module and help text of each command; a module is only imported when its command runs."""


_EXTRAS = dict.fromkeys(("filelock", "matplotlib", "pandas", "ray", "torch", "yaml"), "plot,rllib")
"""Extras that have a package, with those that the same commands need; others come with ``test``."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: of the command line; those of this process by default.

    Returns:
        0 if it is done, 1 if runs are unfinished or nothing was measured, 2 if the arguments are wrong.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if "_ARGCOMPLETE" in os.environ:
        _complete(os.environ["COMP_LINE"].split())
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}s}  {text}" for name, (_, text) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", help="one of the commands below; COMMAND --help describes it")
    name = parser.parse_args(arguments[:1]).command
    if name.startswith("agilerl") or name in ("throughput", "training", "updates", "scaling", "soak"):
        for library in ("OMP", "NUMBA"):  # read when torch and numba are imported
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        if name not in COMMANDS:
            from edgeoffload_env._validation import fail_unknown

            fail_unknown("command", name, COMMANDS)
        module = importlib.import_module(COMMANDS[name][0])
        from edgeoffload_env.cli_parser import Parser

        command = Parser(
            prog=f"{parser.prog} {name}",
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        return int(module.run(command.parse_args(arguments[1:])) or 0)
    except ModuleNotFoundError as error:
        problem: Exception = error
        if error.name and "pip install" not in str(error):
            extra = _EXTRAS.get(error.name.partition(".")[0], "test")
            problem = ImportError(f"{error}; {name} needs `pip install -c constraints.txt -e '.[{extra}]'`")
    except (TypeError, ValueError, ImportError) as error:
        problem = error
    except Exception as error:
        from recipes.errors import RunError

        if not isinstance(error, RunError):
            raise
        problem = error
    print(f"{parser.prog}: error: {problem}", file=sys.stderr)
    return 2


def _complete(words: list[str]) -> None:
    """Print completions of a command line for the shell and exit; see :mod:`edgeoffload_env.cli_completion`."""
    from edgeoffload_env.cli_completion import complete
    from recipes import registry

    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in words:
            importlib.import_module(module).add_arguments(command)
    complete(parser, algorithms=registry.ALGORITHMS)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)  # as a shell's
    except BrokenPipeError:  # the reader of the output is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        sys.exit(141)
