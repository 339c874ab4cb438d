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
        width = max(map(len, registry.RECIPES))
        for recipe in registry.RECIPES.values():
            print(f"{recipe.name:{width}}  {recipe.summary}; {recipe.env_steps:,} env steps")
        return
    try:
        recipe = registry.get(options.algorithm)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for name, default, text in recipe.load().Hyperparameters.described():
        print(f"{name} = {default!r}\n    {text}")
