"""What a result was made with."""

import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("edgeoffload-env", "gymnasium", "numpy", "pettingzoo", "ray", "torch")


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that decide what comes out; None for what is not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


@functools.cache
def code() -> str:
    """A digest of the environment's and the recipes' own sources: what the package's version does not tell apart."""
    import edgeoffload_env

    digest = hashlib.sha256()
    for package in (Path(edgeoffload_env.__file__).parent, Path(__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(f"{package.name}/{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _version(package: str) -> str | None:
    """A package's version; the environment's own comes with its code, which may not be installed."""
    if package == "edgeoffload-env":
        from edgeoffload_env import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
