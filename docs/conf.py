"""The documentation: Sphinx, MyST and Furo. Pages under ``_generated`` are written from the code at every build."""

import ast
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))  # recipes and benchmarks run from a checkout

from benchmarks.analysis.gallery import gallery  # noqa: E402
from benchmarks.study.store import RESULTS, Results  # noqa: E402
from edgeoffload_env import EdgeOffloadConfig, __version__, edgeoffload_v0, policies, scenarios, tables  # noqa: E402
from edgeoffload_env.evaluation.rollout import policy_rng, rollout  # noqa: E402
from edgeoffload_env.rendering.picture import Picture  # noqa: E402
from edgeoffload_env.rendering.play import play  # noqa: E402
from recipes import registry  # noqa: E402

project = "EdgeOffload"
author = "The EdgeOffload developers"
copyright = author
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon", "sphinx_design"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_extra_path = ["_generated/pages"]
html_static_path = ["_static"]
html_css_files = ["wide.css"]
pygments_dark_style = "a11y-high-contrast-dark"  # whose names of modules and classes do not look like links
html_title = f"EdgeOffload {__version__}"
exclude_patterns = ["_build", "_generated/clients.md", "_generated/gallery.md"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

PLAYER, PICTURED_SLOTS = "drift-plus-penalty", 30
"""Policy of the gallery's pictures, and the number of slots before them."""


def _write(name: str, text: str) -> None:
    path = DOCS / "_generated" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _environment() -> str:
    """The docstring that PettingZoo shows, under a title of the page."""
    text, _, tables_and_text = inspect.cleandoc(edgeoffload_v0.__doc__ or "").partition("\n\n# EdgeOffload\n")
    return f"# The environment\n\n{text}\n{tables_and_text}"


def _quantities() -> str:
    """The tables of the paper's game."""
    text = "Everything that `paper` knows, does and shows.\n"
    text += "`edgeoffload_env.tables.describe(config)` makes these tables for any game, effects included.\n"
    return f"# Quantities\n\n{text}\n{tables.describe(scenarios.get('paper').config)}"


def _scenarios() -> str:
    lines = ["# Scenarios"]
    for group in scenarios.GROUPS:
        lines.append(f"\n## {group}\n\n| name | users | servers | what it is |\n|---|---|---|---|")
        for entry in (entry for entry in map(scenarios.get, scenarios.names()) if entry.group == group):
            sizes = f"{entry.config.num_users} | {entry.config.servers}"
            lines.append(f"| `{entry.name}` | {sizes} | {entry.description} |")
    lines.append("\nEach is a registered id, after `import edgeoffload_env`:")
    lines.append('`pettingzoo.make("parallel", "edgeoffload/paper-v0")`, `"aec"`, and, without that import,')
    lines.append(
        '`gymnasium.make("edgeoffload_env:edgeoffload/paper-central-v0")` for one learner in charge of all users.'
    )
    lines.append("\n## Every field\n\n```{eval-rst}\n.. autoclass:: edgeoffload_env.EdgeOffloadConfig")
    lines.append("   :members: replace, servers\n```")
    assert EdgeOffloadConfig.__doc__
    return "\n".join(lines) + "\n"


def _policies() -> str:
    lines = [
        "# Policies\n",
        "`policies.make(name, **parameters)` makes a shipped policy; results: [](../leaderboard.md).\n",
    ]
    lines.append("| name | what it does, knows and costs | parameters |\n|---|---|---|")
    for name in policies.names():
        defaults = ", ".join(f"`{key}={value}`" for key, value in policies.parameters(name).items())
        lines.append(f"| `{name}` | {policies.describe(name).replace('``', '`')} | {defaults} |")
    lines.append("\n## The protocol\n\n```{eval-rst}\n.. automodule:: edgeoffload_env.policies\n   :members:\n```")
    return "\n".join(lines) + "\n"


def _recipes() -> str:
    lines = [
        "# Recipes\n",
        "Training runs from a checkout: `python -m recipes train ALGORITHM`; see [](../protocol.md).\n",
    ]
    for recipe in registry.ALGORITHMS.values():
        module = recipe.load()
        about = re.sub(r"\n\n(?=    python -m)", "\n\n::\n\n", inspect.cleandoc(module.__doc__ or ""))  # code, no quote
        lines.append(f"## {recipe.name}\n\n```{{eval-rst}}\n{about}\n```\n")
        lines.append("| hyper-parameter | default | what it is |\n|---|---|---|")
        for name, default, text in module.Hyperparameters.described():
            lines.append(f"| `{name}` | `{default!r}` | {text.replace('``', '`').replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines) + "\n"


def _clients() -> str:
    lines = ["| learner | versions | what is run |\n|---|---|---|"]
    tests = DOCS.parent / "tests" / "clients"
    learners = [path.stem for path in sorted((tests / "pins").glob("*.txt"))]
    for path in sorted(tests.glob("test_*.py")):
        name = path.stem.removeprefix("test_")
        pins = DOCS.parent / "constraints.txt" if name == "rllib" else tests / "pins" / f"{name}.txt"
        pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", pins.read_text(encoding="utf-8"), re.MULTILINE))
        versions = {package.lower().replace("-", "_"): version for package, version in pinned.items()}
        own = "ray" if name == "rllib" else name
        programs = [path, *(DOCS / "tutorials").glob(f"{name}.md")]
        text = "\n".join(program.read_text(encoding="utf-8") for program in programs)
        known = (*learners, "sb3_contrib")
        used = [each for each in known if each != own and re.search(rf"^(from|import) {each}\b", text, re.MULTILINE)]
        shown = [own, *(each for each in (*used, "gymnasium", "pettingzoo", "torch") if each in versions)]
        module = ast.parse(path.read_text(encoding="utf-8"))
        functions = [
            part for part in module.body if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")
        ]
        texts = [ast.get_docstring(function) for function in functions]
        what = " ".join(text.rstrip(".") + "." for text in texts if text)
        title = (ast.get_docstring(module) or "").rstrip(".")
        lines.append(f"| {title} | {', '.join(f'{each} {versions[each]}' for each in shown)} | {what} |")
    return "\n".join(lines) + "\n"


def _picture(scenario: str) -> tuple[str, str]:
    """Draw a scenario for the gallery, small and whole; the paths of both, relative to the page."""
    import pygame

    env = edgeoffload_v0.parallel_env(scenario, render_mode="rgb_array")
    env.reset(seed=0)
    for _ in rollout(policies.make(PLAYER), PLAYER, env, policy_rng(0), PICTURED_SLOTS):
        pass
    picture, scene = Picture(window=False), env.scene()
    small, whole = f"_generated/pictures/{scenario}.png", f"_generated/pages/pictures/{scenario}.png"
    for path, pixels in ((small, picture.thumbnail(scene)), (whole, picture.frame(scene))):
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        pygame.image.save(pygame.surfarray.make_surface(pixels.swapaxes(0, 1)), DOCS / path)
    env.close()
    return small, whole.removeprefix("_generated/pages/")  # which the build copies beside the pages


def _gallery() -> str:
    return gallery(Results(RESULTS), _picture, f"after {PICTURED_SLOTS} slots of seed 0, with {PLAYER}")


def _play_episode(file: str, names: list[str], scenario: str) -> None:
    """Write the web page of an episode, which a page shows in a frame."""
    path = DOCS / "_generated" / "pages" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    play(names, scenarios.configure(scenario), record=path, title=f"{' and '.join(names)} on {scenario}, seed 0")


os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
_play_episode("episode.html", ["lookahead", "greedy"], "urban-outages")
_play_episode("urban.html", ["lookahead", "fixed"], "urban")
_write("clients", _clients())
_write("environment", _environment())
_write("gallery", _gallery())
_write("quantities", _quantities())
_write("scenarios", _scenarios())
_write("policies", _policies())
_write("recipes", _recipes())


def _keep_colons(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Start an attribute's docstring with an empty line: Napoleon reads a first line ``text: text`` as a type."""
    if what in ("attribute", "data", "property"):
        lines.insert(0, "")


def setup(app: Any) -> None:
    """Register what Sphinx calls."""
    app.connect("autodoc-process-docstring", _keep_colons, priority=400)  # before Napoleon's 500
