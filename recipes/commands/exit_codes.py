"""Exit codes of the command line."""

DONE = 0
FAILED = 1
"""Training failed."""
REFUSED = 2
"""Invalid arguments, or a folder that cannot be used as requested."""
STOPPED = 130
"""Stopped by Ctrl-C or SIGTERM."""
