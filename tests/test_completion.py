"""Completion of the three command lines in bash, by argcomplete's own function for all of a user's commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ROOT

BASH = """
eval "$(python -m argcomplete.scripts.activate_global_python_argcomplete --dest=-)"
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete_global python
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("edgeoffload_env ev", ["evaluate"]),
        ("edgeoffload_env evaluate --scenario paper,crowded-", ["paper,crowded-team"]),
        ("edgeoffload_env play --policy dri", ["drift-plus-penalty"]),
        ("recipes train dtomalb-", ["dtomalb-exact", "dtomalb-equivariant"]),
        ("recipes train --sc", ["--scenario"]),
        ("benchmarks thr", ["throughput"]),
        ("benchmarks tune qm", ["qmix"]),
        ("benchmarks throughput --qui", ["--quick"]),
    ],
)
def test_completions(line, expected):
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", BASH, "bash", f"python -m {line}"],
        cwd=ROOT,
        env=os.environ | {"PATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == expected
