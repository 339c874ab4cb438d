"""Parts of all command lines: a parser that suggests options, lists of names, imports of ``module:name``."""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from edgeoffload_env._validation import fail, fail_unknown

Found = TypeVar("Found")

_COMMA = re.compile(r",(?![^(\[]*[)\]])")  # outside brackets


class Parser(argparse.ArgumentParser):
    """A parser that suggests the nearest option to an unknown one; its errors name the help of the command."""

    refusal: ClassVar[type[Exception] | None] = None
    """Exception to raise for wrong arguments; None: print usage and message, and exit."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        message = f"{message} (see {self.prog} --help)"
        if self.refusal is None:
            super().error(message)
        raise self.refusal(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments, and refuse unknown ones here, where the command's own are known."""
        found, unknown = super().parse_known_args(args, namespace)
        option = next((text.partition("=")[0] for text in unknown if text.startswith("--")), None)
        if option is not None:
            known = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
            try:
                fail_unknown("option", option, known)
            except ValueError as error:
                self.error(str(error))
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def split_names(texts: Sequence[str]) -> list[str]:
    """Return the names of an argument: separated by spaces, or by commas outside brackets."""
    return [name for text in texts for part in _COMMA.split(text) if (name := part.strip())]


def only_one(found: Sequence[Found], option: str, text: str) -> Found:
    """Return what an option names where it takes a single name; refuse ``text`` that names more."""
    if len(found) != 1:
        fail(option, text, f"one {option.removeprefix('--')}")
    return found[0]


def check_new(path: str | Path | None, force: bool) -> None:
    """Check before the work that a file can be written after it; "-" is standard output.

    Raises:
        FileExistsError: it exists, and ``--force`` is not given.
        FileNotFoundError: its folder does not exist.
    """
    if path is not None and Path(path).exists() and not force:
        raise FileExistsError(f"{path} exists; add --force to overwrite it")
    check_folder(path)


def check_folder(path: str | Path | None) -> None:
    """Check that the folder of a file exists.

    Raises:
        FileNotFoundError: it does not.
    """
    if path is not None and path != "-" and not (folder := Path(path).resolve().parent).is_dir():
        raise FileNotFoundError(f"{path} cannot be written: no such folder, {folder}")


def load(kind: str, label: str, module: str, name: str) -> Any:
    """Return what ``module:name`` names, with the current folder among those of the modules.

    Args:
        kind: noun for errors: "policy", "scenario".
        label: the argument, for errors.
        module: the module's name.
        name: the object's name in the module.

    Raises:
        ImportError: an unknown module or name.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ImportError(f"{kind} {label!r}: {error}") from None
