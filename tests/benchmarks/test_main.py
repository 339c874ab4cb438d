"""One entry: its commands, and what importing it loads."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
TEXTS += [*(ROOT / "benchmarks" / "config").rglob("*.md"), *(ROOT / "benchmarks" / "config").rglob("*.yaml")]
TEXTS += [*(ROOT / "benchmarks" / "results").glob("*.json"), ROOT / ".ci" / "run"]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_needs_neither_torch_nor_ray_nor_matplotlib(name: str) -> None:
    program = (
        "import json, sys\nfrom benchmarks.__main__ import main\n"
        f"try: main([{name!r}, '--help'])\nexcept SystemExit: pass\n"
        "print(json.dumps([m for m in ('torch', 'ray', 'matplotlib', 'numba') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"usage: python -m benchmarks {name}" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_an_unknown_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduse"]) == 2
    assert "unknown command 'reproduse'; did you mean 'reproduce'?" in capsys.readouterr().err


def test_commands_in_texts_exist() -> None:
    texts = [text.read_text("utf-8") for text in TEXTS]
    found = [word for text in texts for word in re.findall(r"python -m benchmarks\s+([\w-]+)", text)]
    assert len(found) > 10
    assert set(found) <= COMMANDS.keys()
    assert not any("python -m benchmarks." in text for text in texts)
