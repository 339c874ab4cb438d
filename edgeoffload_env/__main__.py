"""``python -m edgeoffload_env``; see :mod:`edgeoffload_env.cli`."""

# PYTHON_ARGCOMPLETE_OK
import signal
import sys

from edgeoffload_env._interrupts import BEFORE
from edgeoffload_env.cli import main
from edgeoffload_env.cli_parser import run

signal.signal(signal.SIGINT, BEFORE)
sys.exit(run(main))
