"""What a result was made with."""

import platform
from importlib import metadata

_PACKAGES = ("edgeoffload-env", "gymnasium", "numpy", "pettingzoo", "ray", "torch")


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that decide what comes out; None for what is not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
    """A package's version; the environment's own comes with its code, which may not be installed."""
    if package == "edgeoffload-env":
        from edgeoffload_env import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
