"""``python -m recipes``; see :mod:`recipes.cli`."""

# PYTHON_ARGCOMPLETE_OK
import signal
import sys

before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports ends without a traceback
try:
    from edgeoffload_env.cli_parser import run
    from recipes.cli import main
except ModuleNotFoundError as error:  # the checkout is here, and what the environment needs is not installed
    need = "run `pip install -c constraints.txt -e '.[rllib]'` in the checkout's root"
    print(f"python -m recipes: error: {error}; {need}", file=sys.stderr)
    sys.exit(2)

signal.signal(signal.SIGINT, before)
sys.exit(run(main))
