"""Versions of the software that produced a result."""

import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("edgeoffload-env", "gymnasium", "numpy", "pettingzoo", "ray", "torch")


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the packages that affect results; None for packages not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


@functools.cache
def source_digest() -> str:
    """Return a digest of the source files of the environment and the recipes: finer than the package's version."""
    import edgeoffload_env

    digest = hashlib.sha256()
    for package in (Path(edgeoffload_env.__file__).parent, Path(__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(f"{package.name}/{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _version(package: str) -> str | None:
    if package == "edgeoffload-env":  # imported from a checkout, it need not be installed
        from edgeoffload_env import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
