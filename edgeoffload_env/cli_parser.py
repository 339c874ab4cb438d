"""Parts of all command lines: a parser that suggests options, lists of names, imports of ``module:name``."""

import argparse
import difflib
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from edgeoffload_env import policies, scenarios
from edgeoffload_env._validation import fail, fail_unknown

Found = TypeVar("Found")

STOPPED = 130
"""Exit status after Ctrl-C, as a shell's."""
CLOSED_PIPE = 141
"""Exit status when the reader of the output is gone, as ``head`` is, as a shell's."""

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
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._option_hint(unknown)}")
        return found, unknown

    def _option_hint(self, unknown: Sequence[str]) -> str:
        """Name the option of scenarios or policies that were given without it."""
        typed, options = split_names(unknown), {name for action in self._actions for name in action.option_strings}
        for known, spellings in ((scenarios, ("--scenario", "--scenarios")), (policies, ("--policy", "--policies"))):
            for option in options.intersection(spellings):
                if typed and set(typed) <= set(known.names()):
                    return f"; did you mean {option} {' '.join(unknown)}?"
        return ""


def split_names(texts: Sequence[str]) -> list[str]:
    """Return the names of an argument: separated by spaces, or by commas outside brackets."""
    return [name for text in texts for part in _COMMA.split(text) if (name := part.strip())]


def only_one(found: Sequence[Found], option: str, text: str) -> Found:
    """Return what an option names where it takes a single name; refuse ``text`` that names more."""
    if len(found) != 1:
        fail(option, text, f"one {option.removeprefix('--')}")
    return found[0]


def run(main: Callable[[], int]) -> int:
    """Return the exit status of a program, which ends without a traceback on Ctrl-C and when its reader is gone.

    Args:
        main: runs the program and returns its status.
    """
    try:
        status = main()
        sys.stdout.flush()  # a short output meets a closed pipe only here
    except BrokenPipeError:
        try:
            print(flush=True)  # shows whether standard output is the broken pipe
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
            return CLOSED_PIPE
        raise
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    return status


def message_of(error: Exception) -> str:
    """Return an error's message; of one of the operating system, the file and the reason without the number."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def check_new(path: str | Path | None, force: bool) -> None:
    """Check before the work that a file can be written after it; "-" is standard output.

    Raises:
        FileExistsError: it exists, and ``--force`` is not given.
        OSError: as :func:`check_folder`.
    """
    if path is not None and Path(path).exists() and not force:
        raise FileExistsError(f"{path} exists; add --force to overwrite it")
    check_folder(path)


def check_folder(path: str | Path | None) -> None:
    """Check that a file can be written: its folder exists and is writable, and the file is no folder.

    Raises:
        FileNotFoundError: there is no such folder.
        PermissionError: the folder is not writable.
        IsADirectoryError: the file is a folder.
    """
    if path is None or path == "-":
        return
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: no such folder, {folder}")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} cannot be written: it is a folder")
    is_device = Path(path).exists() and not Path(path).is_file()  # such as /dev/stdout, which is written in place
    if not is_device and not os.access(folder, os.W_OK):
        raise PermissionError(f"{path} cannot be written: the folder {folder} is not writable")


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
        found = importlib.import_module(module)
    except (ImportError, SyntaxError) as error:
        hint = ""
        if module.endswith(".py"):
            hint = "; give the module's name without .py"
        elif isinstance(error, ModuleNotFoundError) and error.name in (module, module.partition(".")[0]):
            hint = f"; modules are looked for in the current folder, {folder}, and on PYTHONPATH"
        raise ImportError(f"{kind} {label!r}: {error}{hint}") from None
    try:
        return getattr(found, name)
    except AttributeError as error:
        close = difflib.get_close_matches(name, vars(found), n=1)
        raise ImportError(f"{kind} {label!r}: {error}" + (f"; did you mean {close[0]!r}?" if close else "")) from None
