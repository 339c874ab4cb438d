"""``python -m recipes ls``."""

import argparse

from recipes import registry
from recipes.errors import UsageError

HELP = "list the algorithms, or the hyper-parameters of one algorithm"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    command.add_argument("algorithm", nargs="?", metavar="ALGO", help="list the hyper-parameters of this algorithm")


def run(options: argparse.Namespace) -> None:
    """Print the list."""
    if options.algorithm is None:
        width = max(map(len, registry.ALGORITHMS))
        for algorithm in registry.ALGORITHMS.values():
            print(f"{algorithm.name:{width}}  {algorithm.summary}; {algorithm.env_steps:,} env steps")
        return
    try:
        module = registry.get(options.algorithm).load()
    except (ImportError, ValueError) as error:
        raise UsageError(str(error)) from None
    for name, default, text in module.Hyperparameters.described():
        print(f"{name} = {default!r}\n    {text}")
