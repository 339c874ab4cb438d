"""``python -m recipes``; see :mod:`recipes.cli`."""

# PYTHON_ARGCOMPLETE_OK
import signal
import sys

before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports ends without a traceback
from recipes.cli import main  # noqa: E402

signal.signal(signal.SIGINT, before)
sys.exit(main())
