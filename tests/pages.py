"""Programs in pages: what a reader would type runs as it stands there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
MASKS = ROOT / "docs" / "action-masks.md"


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block is the whole of: what its first line says after a ``#``, if that is a path."""
        found = re.match(r"# (\S+\.(?:py|yaml))\n", self.text)
        return found and found[1]


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a page, without the indentation that those in numbered steps have."""
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [Block(language, textwrap.dedent(block)) for language, block in found]


def code_blocks(text: str) -> list[str]:
    """Python blocks of a page, without the indentation that those in numbered steps have."""
    return [block.text for block in blocks(text) if block.language == "python"]


def sections(text: str) -> dict[str, str]:
    """The sections of a page by their headings."""
    return dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))


def run_masks(*headings: str) -> dict[str, Any]:
    """Run the programs of sections of the page on action masks in this process, as one; return what they define."""
    page = sections(MASKS.read_text(encoding="utf-8"))
    program = "\n".join(block for heading in headings for block in code_blocks(page[heading]))
    names: dict[str, Any] = {"__name__": "action_masks"}
    exec(compile(program, "<action-masks>", "exec"), names)
    return names


def import_first_block(tutorial: str) -> Any:
    """Import the first block of a tutorial as a module, whose classes can be pickled."""
    module = ModuleType(f"first_block_of_{tutorial}")
    sys.modules[module.__name__] = module
    block = code_blocks((TUTORIALS / f"{tutorial}.md").read_text(encoding="utf-8"))[0]
    exec(compile(block, f"<{tutorial}>", "exec"), module.__dict__)
    return module


def run_tutorial(name: str, folder: Path, *, warnings: str = "default", limit_s: float = 600, **variables: str) -> str:
    """Run all blocks of a tutorial as one program, elsewhere than in the checkout, and return what it printed.

    Args:
        name: the tutorial's.
        folder: to run in, and the program's home.
        warnings: what Python does with them.
        limit_s: how long it may take.
        **variables: of the environment.

    Raises:
        CalledProcessError: the program failed.
    """
    program = "\n".join(code_blocks((TUTORIALS / f"{name}.md").read_text(encoding="utf-8")))
    path = folder / "tutorial.py"  # a file of a library's name would hide the library
    path.write_text(program, encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-W", warnings, str(path)]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, timeout=limit_s, text=True)
    print(done.stdout)
    done.check_returncode()
    return done.stdout


def run_block(block: str, folder: Path) -> None:
    """Run a program, in a folder of its own unless it needs the checkout; warnings are errors if Ray is not in it.

    Raises:
        CalledProcessError: the program failed.
    """
    if "recipes" in block:  # these run from a checkout, and Ray warns of its own deprecations
        environment = {**os.environ, "HOME": str(folder)}
        subprocess.run([sys.executable, "-c", block], cwd=ROOT, env=environment, check=True, timeout=300)
    else:
        subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=folder, check=True, timeout=120)
