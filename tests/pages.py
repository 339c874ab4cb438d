"""Programs in pages: what a reader would type runs as it stands there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"


def code_blocks(text: str) -> list[str]:
    """Python blocks of a page, without the indentation that those in numbered steps have."""
    return [textwrap.dedent(block) for block in re.findall(r"^ *```python\n(.*?)```", text, re.DOTALL | re.MULTILINE)]


def run_tutorial(name: str, folder: Path, *, warnings: str = "default", limit_s: float = 600) -> str:
    """Run all blocks of a tutorial as one program, elsewhere than in the checkout, and return what it printed.

    Raises:
        CalledProcessError: the program failed.
    """
    program = "\n".join(code_blocks((TUTORIALS / f"{name}.md").read_text(encoding="utf-8")))
    path = folder / "tutorial.py"  # a file of a library's name would hide the library
    path.write_text(program, encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", warnings, str(path)]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, timeout=limit_s, text=True)
    print(done.stdout)
    done.check_returncode()
    return done.stdout
