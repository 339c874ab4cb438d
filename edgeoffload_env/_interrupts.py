"""Let Ctrl-C end ``python -m edgeoffload_env`` without a traceback while the package is imported.

Python imports the package before it runs ``__main__``, so this module must be the package's first import.
"""

import signal
import sys

BEFORE = signal.getsignal(signal.SIGINT)
"""Handler of Ctrl-C to restore once the command runs."""

# Python documents that the first argument is "-m" until the program's module is found. Programs that import the package
# keep their handler, and so does a command that is started with Ctrl-C ignored.
if sys.argv[:1] == ["-m"] and "edgeoffload_env" in sys.orig_argv and BEFORE is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
