"""Exceptions that the command line reports in one line instead of a traceback."""


class UsageError(Exception):
    """A command-line argument is invalid, or a package that the command needs is not installed."""


class RunError(Exception):
    """A run folder, sweep folder or Ray cluster cannot be used as requested; the message says why and what to do."""


class StoppedError(Exception):
    """A signal stopped the training; its last checkpoint is up to date."""


class TrainingError(Exception):
    """Training failed; the message names the cause and the last checkpoint."""


class UnexpectedError(TrainingError):
    """Training failed with an error that nothing handles, in the environment or in this package.

    The command line prints the traceback of ``__cause__``.
    """
