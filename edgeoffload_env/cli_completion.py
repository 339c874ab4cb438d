"""Completion of command lines by the shell, where argcomplete is installed; see the tutorial "First steps"."""

import argparse
import os
from collections.abc import Iterable

from edgeoffload_env import policies, scenarios


def complete(parser: argparse.ArgumentParser, **names: Iterable[str]) -> None:
    """Print completions and exit if a shell asks for them; do nothing otherwise.

    Args:
        parser: of the whole command line.
        **names: values of arguments by their ``dest``, beside scenarios and policies.
    """
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        known = dict.fromkeys(("scenario", "scenarios"), scenarios.names())
        known |= dict.fromkeys(("policy", "policies", "beside"), policies.names())
        _suggest(parser, known | {dest: list(values) for dest, values in names.items()})
        argcomplete.autocomplete(parser)


def _suggest(parser: argparse.ArgumentParser, names: dict[str, list[str]]) -> None:
    """Give the arguments of a parser and its commands the names that complete their values, also after a comma."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _suggest(command, names)
        elif action.dest in names:

            def completer(prefix: str, values: list[str] = names[action.dest], **_: object) -> list[str]:
                before = prefix[: prefix.rfind(",") + 1]
                return [before + value for value in values]

            action.completer = completer  # type: ignore[attr-defined]  # argcomplete's attribute
