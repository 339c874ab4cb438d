"""``python -m edgeoffload_env``; see :mod:`edgeoffload_env.cli`."""

# PYTHON_ARGCOMPLETE_OK
import sys

from edgeoffload_env.cli import main
from edgeoffload_env.cli_parser import run

sys.exit(run(main))
